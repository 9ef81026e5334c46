"""What a comparison leaves on disk: figures, and a page that says why they differ."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_trainer.comparison.compare import Contestant
from fer_trainer.comparison.pictures import (
    confusion_pictures,
    curves_picture,
    gained_faces,
    recall_picture,
)
from fer_trainer.pages import render_page

JSON = "comparison.json"
PAGE = "comparison.html"


def write_comparison(
    contestants: Sequence[Contestant], data: dict[str, Any], out: Path
) -> dict[str, Any]:
    """Write the figures and the page; they may lie beside the runs.

    Args:
        contestants: the first one is what the others are held against.
        data: JSON that says which faces.
        out: made if it is not there.

    Returns:
        The figures, as written.

    Raises:
        OSError: ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    first = contestants[0]
    facts = {"data": data, "rows": [_row(part, first) for part in contestants]}
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    (out / JSON).write_text(text, encoding="utf-8")
    best = max(contestants, key=lambda part: int(part.right.sum()))
    # Of a first that is best itself the page shows what the second lacks.
    one, other = (best, first) if best is not first else (first, contestants[-1])
    pictures = {
        "curves": curves_picture(contestants),
        "recall": recall_picture(contestants),
        "confusion": confusion_pictures(contestants),
        "won": gained_faces(one, other),
        "lost": gained_faces(other, one),
    }
    shown = {
        **facts,
        "best": {
            "one": one.name,
            "other": other.name,
            "won": int((one.right & ~other.right).sum()),
            "lost": int((other.right & ~one.right).sum()),
            "neither": int((~one.right & ~other.right).sum()),
        },
    }
    page = render_page(PAGE, shown, pictures)
    (out / PAGE).write_text(page, encoding="utf-8", errors="replace")
    return facts


def _row(part: Contestant, first: Contestant) -> dict[str, Any]:
    """Return one model's figures as JSON."""
    learnt = None
    if part.history:
        best = part.training["best_epoch"] - 1
        learnt = round(part.history[best]["accuracy"], 4)
    return {
        "name": part.name,
        "preset": part.preset,
        "evaluation": part.evaluation.facts(),
        "difference_95": None if part is first else part.difference_95(first),
        "training": part.training,
        "training_accuracy": learnt,
        "network": part.network,
    }
