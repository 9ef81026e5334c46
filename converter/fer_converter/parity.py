"""What quantization cost, counted on the same faces: float against int8."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.intervals import mcnemar, paired_difference, wilson
from fer_contract.labels import Labels
from fer_contract.metrics import Indices, Numbers, confusion_matrix

_BEYOND_DOUBT = 4.0
"""Standard errors: far more than the 95 % of a single question, since the order asked
about is the best of many."""


@dataclass(frozen=True, slots=True)
class ClassParity:
    """One class's recall, float and int8."""

    label: str
    faces: int
    float_right: int
    int8_right: int
    flips: int
    """Faces of this class on which float and int8 name different ones."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A face on which float and int8 name different classes."""

    face: int
    """Index among the faces compared."""
    truth: str
    by_float: str
    float_score: float
    """0 to 1."""
    by_int8: str
    int8_score: float
    """0 to 1, before any temperature."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Float and int8 on the same faces."""

    faces: int
    float_right: int
    int8_right: int
    agree: int
    only_float_right: int
    only_int8_right: int
    classes: tuple[ClassParity, ...]
    flips: tuple[Flip, ...] = ()
    """Most certain first."""

    @property
    def drop(self) -> float:
        """Accuracy lost, in percentage points; below 0 is a gain."""
        return 100 * (self.float_right - self.int8_right) / self.faces

    @property
    def drop_interval(self) -> tuple[float, float]:
        """Its 95 % interval, in percentage points."""
        low, high = paired_difference(
            self.only_float_right, self.only_int8_right, self.faces
        )
        return 100 * low, 100 * high

    @property
    def chance(self) -> float:
        """Probability of so uneven a loss and gain if int8 lost nothing, 0 to 1."""
        return mcnemar(self.only_float_right, self.only_int8_right)

    def facts(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "faces": self.faces,
            "float_accuracy": proportion(self.float_right, self.faces),
            "int8_accuracy": proportion(self.int8_right, self.faces),
            "agreement": proportion(self.agree, self.faces),
            "accuracy_drop_points": {
                "value": round(self.drop, 3),
                "interval_95": [round(bound, 3) for bound in self.drop_interval],
            },
            "mcnemar": {
                "only_float_right": self.only_float_right,
                "only_int8_right": self.only_int8_right,
                "p": round(self.chance, 4),
            },
            "classes": {
                part.label: {
                    "faces": part.faces,
                    "float_recall": round(part.float_right / part.faces, 4),
                    "int8_recall": round(part.int8_right / part.faces, 4),
                    "flips": part.flips,
                }
                for part in self.classes
            },
        }


def compare(
    float_scores: Numbers, int8_scores: Numbers, classes: Indices, labels: Labels
) -> Parity:
    """Count where float and int8 are right and where they agree.

    Args:
        float_scores: (N, C) of the float model.
        int8_scores: (N, C) of the TFLite model, on the same faces.
        classes: (N,), the right class of each.
        labels: C names.
    """
    by_float, by_int8 = float_scores.argmax(axis=1), int8_scores.argmax(axis=1)
    float_right, int8_right = by_float == classes, by_int8 == classes
    flipped = by_float != by_int8
    flips = [
        Flip(
            face=int(face),
            truth=labels[classes[face]],
            by_float=labels[by_float[face]],
            float_score=float(float_scores[face].max()),
            by_int8=labels[by_int8[face]],
            int8_score=float(int8_scores[face].max()),
        )
        for face in np.flatnonzero(flipped)
    ]
    flips.sort(key=lambda flip: (-flip.float_score - flip.int8_score, flip.face))
    return Parity(
        faces=len(classes),
        float_right=int(float_right.sum()),
        int8_right=int(int8_right.sum()),
        agree=int((~flipped).sum()),
        only_float_right=int((float_right & ~int8_right).sum()),
        only_int8_right=int((int8_right & ~float_right).sum()),
        classes=tuple(
            ClassParity(
                label=label,
                faces=int((classes == index).sum()),
                float_right=int(float_right[classes == index].sum()),
                int8_right=int(int8_right[classes == index].sum()),
                flips=int(flipped[classes == index].sum()),
            )
            for index, label in enumerate(labels)
        ),
        flips=tuple(flips),
    )


def order_of_outputs(
    scores: Numbers, classes: Indices, labels: Labels
) -> Labels | None:
    """Find the order of labels that a model was trained with, if it is another.

    Args:
        scores: (N, C).
        classes: (N,), by the order of ``labels``.
        labels: C names, in the order in which the outputs are said to be.

    Returns:
        The order in which each output stands for the class that it names most often,
        if that is another, and it is right on more faces beyond doubt: more than by
        the order given, and more than naming the most frequent class would be. Else
        None: a model that guesses, or names one class only, has no order.
    """
    count, faces = len(labels), len(classes)
    matrix = confusion_matrix(classes, scores.argmax(axis=1), count)
    rates = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    order = rates.argmax(axis=0)  # of output k, the class order[k]
    if len(set(order.tolist())) < count or (order == np.arange(count)).all():
        return None
    right = int(matrix[order, np.arange(count)].sum())
    rivals = max(int(np.trace(matrix)), int(matrix.sum(axis=1).max()))
    doubt = _BEYOND_DOUBT * np.sqrt(max(1, right + rivals))
    if right - rivals <= doubt or not faces:
        return None
    return tuple(labels[index] for index in order)


def proportion(successes: int, trials: int) -> dict[str, Any]:
    """Return a share with its Wilson interval, 0 to 1, as JSON."""
    low, high = wilson(successes, trials)
    return {
        "value": round(successes / trials, 4),
        "interval_95": [round(low, 4), round(high, 4)],
    }
