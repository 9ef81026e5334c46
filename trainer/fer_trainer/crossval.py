"""k-fold cross-validation: how much of a figure is luck of the split.

Each training learns from all folds but one, chooses its epoch on the split
``validation``, and is scored on the fold it has never seen, neither to learn nor to
choose. Duplicates of a face share its fold.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_contract.intervals import wilson
from fer_contract.manifest import RunManifest
from fer_trainer.evaluation import measure, predict
from fer_trainer.exploration.duplicates import find_duplicates
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.finished import train_unless_finished

CROSSVAL = "crossval.json"

# Two-sided 95 % quantile of Student's t, by degrees of freedom from 1: 2 to 20 folds.
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201,
    2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The figures of every fold."""

    folds: tuple[dict[str, Any], ...]
    """Evaluations on the fold left out, as ``Evaluation.facts``."""

    @property
    def accuracies(self) -> list[float]:
        """Accuracy on each fold."""
        return [fold["accuracy"] for fold in self.folds]

    def facts(self) -> dict[str, Any]:
        """Return JSON: mean, its interval, the deviation, and every fold.

        The interval of the mean is Student's over the folds. Folds share training
        faces, so it is somewhat too narrow (Bengio and Grandvalet 2004, JMLR 5,
        1089). The pooled one is Wilson's over all faces, each judged once.
        """
        mean, low, high = mean_interval(self.accuracies)
        faces = sum(fold["faces"] for fold in self.folds)
        right = sum(round(fold["accuracy"] * fold["faces"]) for fold in self.folds)
        return {
            "accuracy": round(mean, 4),
            # Of few folds it is wider than any share can be.
            "accuracy_95": [round(max(low, 0.0), 4), round(min(high, 1.0), 4)],
            "accuracy_deviation": round(float(np.std(self.accuracies, ddof=1)), 4),
            "macro_f1": round(float(np.mean([f["macro_f1"] for f in self.folds])), 4),
            "pooled_accuracy": round(right / faces, 4),
            "pooled_accuracy_95": [round(end, 4) for end in wilson(right, faces)],
            "faces": faces,
            "folds": list(self.folds),
        }


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of 2 to 20 values and its 95 % interval, by Student's t."""
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = _T_95[len(values) - 2] * error
    return mean, mean - half, mean + half


def cross_validate(
    material: Material,
    out: Path,
    plan: Plan,
    folds: int,
    *,
    say: Callable[[str], None],
) -> CrossValidation:
    """Train and judge a plan ``folds`` times.

    Args:
        material: its training faces are divided into folds.
        out: a run directory a fold is made in it, and ``crossval.json``. Broken off,
            the same call goes on where it was.
        plan: how to train; its seed also divides the faces.
        folds: 2 to 20.
        say: told what is going on, a line each.

    Raises:
        DataError: a class with fewer faces than folds, or a finished run in ``out``
            of another plan or other faces.
        OSError: ``out`` cannot be written.
    """
    fold_of = divide(material.train, folds, plan.seed)
    out.mkdir(parents=True, exist_ok=True)
    figures = []
    for fold in range(folds):
        learning = material.train.take(np.flatnonzero(fold_of != fold).tolist())
        judging = material.train.take(np.flatnonzero(fold_of == fold).tolist())
        part = dataclasses.replace(material, train=learning)
        run = out / f"fold-{fold + 1}"
        about = f"{len(learning):,} faces to learn from"
        train_unless_finished(part, run, plan, about, say=say)
        probabilities = predict(run / RunManifest.MODEL, judging)
        figures.append(measure(probabilities, judging, material.votes).facts())
        say(
            f"fold {fold + 1} of {folds}: {figures[-1]['accuracy']:.1%} of "
            f"{len(judging):,} faces left out"
        )
    result = CrossValidation(tuple(figures))
    (out / CROSSVAL).write_text(json.dumps(result.facts(), indent=2) + "\n")
    return result


def divide(faces: FaceSet, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the fold of each face, (N,), 0 to ``folds`` - 1.

    Every class is spread evenly, and duplicates stay together: a face that was
    learnt must not be judged under another name.

    Raises:
        DataError: a class with fewer faces than folds.
    """
    for label, count in faces.counts().items():
        if count < folds:
            raise DataError(
                f"--folds: {folds}; {faces.split}/{label} has {count} faces"
            )
    group_of = np.arange(len(faces))
    for group in find_duplicates([faces]).groups:
        places = [member.index for member in group.members]
        group_of[places] = min(places)
    rng = np.random.default_rng([seed, folds])
    fold_of = np.full(len(faces), -1, dtype=np.int64)
    sizes = np.zeros((len(faces.labels), folds), dtype=np.int64)
    for leader in rng.permutation(np.unique(group_of)):
        members = np.flatnonzero(group_of == leader)
        label = faces.classes[leader]
        emptiest = np.flatnonzero(sizes[label] == sizes[label].min())
        # Of folds that want this class equally, the one with fewest faces in all.
        fold = emptiest[np.argmin(sizes[:, emptiest].sum(axis=0))]
        fold_of[members] = fold
        np.add.at(sizes, (faces.classes[members], fold), 1)
    return fold_of
