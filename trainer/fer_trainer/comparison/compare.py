"""Several models judged on the same faces, each held against the first."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_contract.intervals import paired_difference
from fer_contract.manifest import BundleManifest, RunManifest
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.evaluation import Evaluation, measure, open_model, read_either
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.presets import PRESETS
from fer_trainer.presets.cost import cost_of
from fer_trainer.training.finished import train_unless_finished
from fer_trainer.training.run_directory import HISTORY
from fer_trainer.votes import Votes

_OF_A_TRAINING = ("recipe", "epochs_trained", "best_epoch", "seconds")


@dataclass(frozen=True, slots=True)
class Contestant:
    """One model in the comparison."""

    name: str
    """Of its directory."""
    preset: str
    """The network, or what events call a bundle's model if that is not known."""
    evaluation: Evaluation
    training: dict[str, Any]
    """Of its manifest; empty for a model that fer-train has not trained."""
    network: dict[str, Any]
    """What it is made of, as ``Cost.facts``; empty where the preset is not known."""
    history: tuple[dict[str, float], ...]
    """An epoch each; none of a bundle."""

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which faces it names as they are labelled, (N,)."""
        truth = self.evaluation.faces.classes
        return np.asarray(self.evaluation.predicted == truth, dtype=np.bool_)

    def difference_95(self, first: "Contestant") -> tuple[float, float]:
        """Return the 95 % interval of its accuracy minus another's, same faces."""
        return paired_difference(
            int((self.right & ~first.right).sum()),
            int((first.right & ~self.right).sum()),
            len(self.right),
        )


def train_all(
    material: Material,
    out: Path,
    plans: Sequence[Plan],
    *,
    say: Callable[[str], None],
) -> list[Path]:
    """Train each plan's preset, unless it is trained already.

    Args:
        material: faces for all of them.
        out: a run directory a preset is made in it. Broken off, the same call goes on
            where it was.
        plans: one a preset.
        say: told what is going on, a line each.

    Returns:
        The run of each plan, in their order.

    Raises:
        DataError: a finished run in ``out`` is of another plan or other faces.
        OSError: ``out`` cannot be written.
    """
    runs = []
    for plan in plans:
        run = out / plan.preset.name
        about = f"training {plan.preset.name}"
        train_unless_finished(material, run, plan, about, say=say)
        runs.append(run)
    return runs


def compare(
    places: Sequence[Path], faces: FaceSet, votes: Votes | None
) -> list[Contestant]:
    """Let each model answer to the same faces.

    Args:
        places: finished runs, or bundles, which answer in int8 as on the device.
        faces: that none of them has learnt from.
        votes: on these faces, or None.

    Raises:
        DataError: a model of other labels, or of faces of another size.
        ManifestError, DigestError, ModelError: a place that is no run or bundle, or
            damaged.
    """
    names = [place.resolve().name for place in places]
    return [
        _judge(place, name if names.count(name) == 1 else str(place), faces, votes)
        for place, name in zip(places, names, strict=True)
    ]


def check_comparable(place: Path, faces: FaceSet) -> RunManifest | BundleManifest:
    """Check that a model takes these faces, and names what they are labelled.

    Raises:
        DataError: other labels, or faces of another size.
        ManifestError, DigestError: no run or bundle, or damaged.
    """
    manifest = read_either(place)
    if manifest.labels != faces.labels:
        raise DataError(
            f"{place}: labels {', '.join(manifest.labels)}; {', '.join(faces.labels)} "
            "are compared here, in this order"
        )
    if manifest.input.shape != faces.faces.shape[1:]:
        raise DataError(
            f"{place}: takes faces of {manifest.input.width}x{manifest.input.height}; "
            f"of {faces.faces.shape[2]}x{faces.faces.shape[1]} are compared here"
        )
    return manifest


def _judge(place: Path, name: str, faces: FaceSet, votes: Votes | None) -> Contestant:
    manifest = check_comparable(place, faces)
    model = open_model(place)
    training = dict(manifest.training)
    if isinstance(manifest, RunManifest):
        training["preset"] = manifest.preset
    preset = training.get("preset", model.name)
    return Contestant(
        name=name,
        preset=preset,
        evaluation=measure(model.answer(faces.faces), faces, votes),
        training={key: training[key] for key in _OF_A_TRAINING}
        if training.keys() >= set(_OF_A_TRAINING)
        else {},
        network=_network(preset, faces),
        history=_history(place / HISTORY),
    )


def _network(preset: str, faces: FaceSet) -> dict[str, Any]:
    """Return what the network is made of; nothing if it is not one of ours."""
    if preset not in PRESETS:
        return {}
    start_keras()
    height, width = faces.faces.shape[1:3]
    model = PRESETS[preset].build(InputSpec(height, width), len(faces.labels))
    return cost_of(model).facts()


def _history(path: Path) -> tuple[dict[str, float], ...]:
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(stream)
        )
