"""Figures of a saved model on labelled faces."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.intervals import wilson
from fer_contract.labels import Labels
from fer_contract.metrics import (
    brier_score,
    class_figures,
    confusion_matrix,
    log_loss,
    macro_f1,
    macro_f1_interval,
    reliability,
)
from fer_trainer.evaluation.majority import NONE, human, majority
from fer_trainer.votes import Votes


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's answers to the faces of a split."""

    faces: FaceSet
    probabilities: npt.NDArray[np.float64]
    """(N, C)."""
    votes: Votes | None = None

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Class with the highest score, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def matrix(self) -> npt.NDArray[np.int64]:
        """Confusion matrix (C, C), rows truth, of all faces."""
        classes = len(self.faces.labels)
        return confusion_matrix(self.faces.classes, self.predicted, classes)

    def worst(self, count: int) -> npt.NDArray[np.int64]:
        """Return the faces answered wrong with the highest scores, at most so many."""
        wrong = np.flatnonzero(self.predicted != self.faces.classes)
        scores = self.probabilities.max(axis=1)[wrong]
        return wrong[np.argsort(-scores, kind="stable")][:count]

    def facts(self) -> dict[str, Any]:
        """Return every figure as JSON."""
        labels, truth = self.faces.labels, self.faces.classes
        matrix = self.matrix
        figures = class_figures(matrix)
        sure = reliability(self.probabilities, truth)
        facts: dict[str, Any] = {
            "split": self.faces.split,
            "faces": len(self.faces),
            "labels": list(labels),
            **_accuracy(int(np.trace(matrix)), len(self.faces)),
            **_macro_f1(matrix),
            "recall": {
                label: round(part.recall, 4)
                for label, part in zip(labels, figures, strict=True)
            },
            "classes": _classes(matrix, labels),
            "confusion": matrix.tolist(),
            "log_loss": round(log_loss(self.probabilities, truth), 4),
            "brier": round(brier_score(self.probabilities, truth), 4),
            "calibration_error": round(sure.calibration_error, 4),
            "reliability": sure.facts(),
        }
        if self.votes is not None:
            facts["votes"] = self._against(self.votes)
        return facts

    def _against(self, votes: Votes) -> dict[str, Any]:
        """Return the figures against the majority of the votes."""
        truth = majority(votes, self.faces)
        known = truth != NONE
        matrix = confusion_matrix(
            truth[known], self.predicted[known], len(self.faces.labels)
        )
        facts: dict[str, Any] = {"faces": int(known.sum())}
        if known.any():
            facts |= _accuracy(int(np.trace(matrix)), int(known.sum()))
            facts |= _macro_f1(matrix)
            facts["classes"] = _classes(matrix, self.faces.labels)
            facts["confusion"] = matrix.tolist()
            same = int((truth == self.faces.classes)[known].sum())
            # What a model that answers with the label itself would have.
            facts["labels_agree"] = round(same / int(known.sum()), 4)
        return facts | {"human": human(votes, self.faces).facts()}


def measure(
    probabilities: npt.NDArray[np.float64], faces: FaceSet, votes: Votes | None
) -> Evaluation:
    """Hold a model's answers against labels, and votes if there are any.

    Args:
        probabilities: (N, C), in the order of ``faces`` and its labels.
        faces: labelled.
        votes: on these faces, or None.

    Raises:
        ValueError: probabilities of another shape.
    """
    wanted = (len(faces), len(faces.labels))
    if probabilities.shape != wanted:
        raise ValueError(f"probabilities {probabilities.shape}; {wanted} is wanted")
    return Evaluation(faces, probabilities, votes)


def _classes(matrix: npt.NDArray[np.int64], labels: Labels) -> dict[str, Any]:
    return {
        label: {
            "precision": round(part.precision, 4),
            "recall": round(part.recall, 4),
            "f1": round(part.f1, 4),
            "support": part.support,
        }
        for label, part in zip(labels, class_figures(matrix), strict=True)
    }


def _macro_f1(matrix: npt.NDArray[np.int64]) -> dict[str, Any]:
    low, high = macro_f1_interval(matrix)
    return {
        "macro_f1": round(macro_f1(matrix), 4),
        "macro_f1_95": [round(low, 4), round(high, 4)],
    }


def _accuracy(right: int, faces: int) -> dict[str, Any]:
    low, high = wilson(right, faces)
    return {
        "accuracy": round(right / faces, 4),
        "accuracy_95": [round(low, 4), round(high, 4)],
    }
