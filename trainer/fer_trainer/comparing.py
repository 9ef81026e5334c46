"""Several presets trained alike, and judged on the same faces."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError
from fer_contract.intervals import paired_difference
from fer_contract.manifest import MANIFEST_NAME, RunManifest, read_manifest
from fer_trainer.evaluation import measure, predict
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.run_directory import first_difference
from fer_trainer.training.train import train

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
    live_bar: bool = False,
) -> list[Row]:
    """Train each plan's preset, unless it is trained already, and judge all.

    Args:
        material: faces for all of them.
        out: a run directory a preset is made in it, and ``comparison.json``. Broken
            off, the same call goes on where it was.
        plans: one a preset.
        say: told what is going on, a line each.
        live_bar: show moving bars.

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
        if (run / MANIFEST_NAME).exists():
            manifest = read_manifest(run, RunManifest)
            check_finished(run, manifest, material, plan)
        else:
            say(f"{run}: training {plan.preset.name}")
            manifest = train(material, run, plan, say=say, live_bar=live_bar)
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


def check_finished(
    run: Path, manifest: RunManifest, material: Material, plan: Plan
) -> None:
    """Check that a finished run is the one that would be trained.

    Raises:
        DataError: it is of another plan or of other faces.
    """
    wanted = json.loads(json.dumps(plan.facts()))
    trained = {key: manifest.training.get(key) for key in wanted}
    difference = first_difference(trained, wanted)
    if difference:
        raise DataError(
            f"{run}: already trained with {difference}; name another directory"
        )
    others = (
        ("seed", manifest.seed, plan.seed),
        ("input", manifest.input, material.spec),
        ("labels", manifest.labels, material.train.labels),
        ("faces", manifest.data, material.facts()),
    )
    for key, value, now in others:
        if value != now:
            raise DataError(
                f"{run}: already trained with another {key}; name another directory"
            )
