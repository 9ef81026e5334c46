"""Several presets trained alike, and judged on the same faces."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.intervals import paired_difference
from fer_contract.manifest import RunManifest
from fer_trainer.evaluation import measure, predict
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.finished import train_unless_finished

COMPARISON = "comparison.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One preset in the comparison."""

    name: str
    figures: dict[str, Any]
    """Of the evaluation on validation, as ``Evaluation.facts``."""
    training: dict[str, Any]
    """Of the run's manifest."""
    difference_95: tuple[float, float] | None
    """Interval of its accuracy minus that of the first row, on the same faces."""

    def facts(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "preset": self.name,
            "evaluation": self.figures,
            "difference_95": self.difference_95,
            "training": {
                key: self.training[key]
                for key in ("recipe", "epochs_trained", "best_epoch", "seconds")
            },
        }


def compare(
    material: Material,
    out: Path,
    plans: Sequence[Plan],
    *,
    say: Callable[[str], None],
) -> list[Row]:
    """Train each plan's preset, unless it is trained already, and judge all.

    Args:
        material: faces for all of them.
        out: a run directory a preset is made in it, and ``comparison.json``. Broken
            off, the same call goes on where it was.
        plans: one a preset.
        say: told what is going on, a line each.

    Returns:
        A row a plan, in their order.

    Raises:
        DataError: a finished run in ``out`` is of another plan or other faces.
        OSError: ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    first_right: npt.NDArray[np.bool_] | None = None
    for plan in plans:
        run = out / plan.preset.name
        about = f"training {plan.preset.name}"
        manifest = train_unless_finished(material, run, plan, about, say=say)
        probabilities = predict(run / RunManifest.MODEL, material.validation)
        right = np.argmax(probabilities, axis=1) == material.validation.classes
        difference = None
        if first_right is None:
            first_right = right
        else:
            difference = paired_difference(
                int((right & ~first_right).sum()),
                int((first_right & ~right).sum()),
                len(right),
            )
        figures = measure(probabilities, material.validation, material.votes).facts()
        rows.append(Row(plan.preset.name, figures, dict(manifest.training), difference))
    facts = {"data": material.facts(), "rows": [row.facts() for row in rows]}
    (out / COMPARISON).write_text(json.dumps(facts, indent=2) + "\n")
    return rows
