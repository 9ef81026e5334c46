"""What an evaluation leaves on disk: figures, pictures, one page with all of it."""

import csv
import json
from pathlib import Path
from typing import Any

from fer_trainer.evaluation.measure import Evaluation
from fer_trainer.evaluation.pictures import (
    confusion_picture,
    reliability_picture,
    robustness_picture,
    worst_mistakes,
)
from fer_trainer.evaluation.robustness import Curve
from fer_trainer.pages import check_place, render_page

JSON = "evaluation.json"
PAGE = "evaluation.html"
PREDICTIONS = "predictions.csv"
_PICTURES = ("confusion", "reliability", "mistakes", "robustness")

FILES = (JSON, PAGE, PREDICTIONS, *(f"{name}.png" for name in _PICTURES))


def write_evaluation(
    evaluation: Evaluation,
    about: dict[str, Any],
    directory: Path,
    curves: tuple[Curve, ...] = (),
) -> dict[str, Any]:
    """Write all files.

    Args:
        evaluation: what was measured.
        about: JSON that says of which model and data.
        directory: made if it is not there.
        curves: of ``robustness``, if they were measured.

    Returns:
        The JSON, as written.

    Raises:
        DataError: ``directory`` holds something else.
        OSError: it cannot be written.
    """
    check_place(directory, FILES)
    directory.mkdir(parents=True, exist_ok=True)
    facts = {**about, **evaluation.facts()}
    if curves:
        facts["robustness"] = {part.disturbance.name: part.facts() for part in curves}
    drawn = (
        confusion_picture(evaluation),
        reliability_picture(evaluation),
        worst_mistakes(evaluation),
        robustness_picture(curves) if curves else None,
    )
    pictures = dict(zip(_PICTURES, drawn, strict=True))
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    (directory / JSON).write_text(text)
    for name, picture in pictures.items():
        path = directory / f"{name}.png"
        path.unlink(missing_ok=True)
        if picture is not None:
            path.write_bytes(picture)
    _write_predictions(evaluation, directory / PREDICTIONS)
    page = render_page(PAGE, facts, pictures)
    (directory / PAGE).write_text(page, encoding="utf-8", errors="replace")
    return facts


def _write_predictions(evaluation: Evaluation, path: Path) -> None:
    faces = evaluation.faces
    # A file name on Linux need not be UTF-8.
    with path.open(
        "w", newline="", encoding="utf-8", errors="surrogateescape"
    ) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "label", "answer", *faces.labels])
        for index, name in enumerate(faces.names):
            table.writerow(
                [
                    name,
                    faces.labels[faces.classes[index]],
                    faces.labels[evaluation.predicted[index]],
                    *(f"{score:.4f}" for score in evaluation.probabilities[index]),
                ]
            )
