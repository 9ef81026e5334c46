"""How good answers are, from probabilities and truth alone: no model, no files.

Where a share is 0 / 0 it is 0: the precision of a class that was never predicted, the
recall of one that does not occur, the F1 of one that does neither. Nothing is left out
of a mean for that, so a class that a model forgot pulls its macro-F1 down.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

RELIABILITY_BINS = 15
"""As Guo et al. 2017; a figure of another number of bins is another figure."""

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class; shares are 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int
    """Faces whose truth it is."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins of equal width over the score of the answer given; B of them."""

    counts: Indices
    """(B,), answers in each."""
    confidence: Numbers
    """(B,), their mean score; 0 in an empty bin."""
    accuracy: Numbers
    """(B,), share of them that is right; 0 in an empty bin."""

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: the mean gap, weighted by counts.

        Source: Guo et al. 2017, arXiv 1706.04599, equation 3.
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / max(1, self.counts.sum()))

    def facts(self) -> dict[str, Any]:
        """Return the bins as JSON."""
        return {
            "counts": self.counts.tolist(),
            "confidence": [round(float(value), 4) for value in self.confidence],
            "accuracy": [round(float(value), 4) for value in self.accuracy],
        }


def confusion_matrix(truth: Indices, predicted: Indices, classes: int) -> Indices:
    """Count answers.

    Args:
        truth: (N,), 0 to ``classes`` - 1.
        predicted: (N,), likewise.
        classes: how many there are.

    Returns:
        (C, C); row: truth, column: predicted.
    """
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def class_figures(matrix: Indices) -> list[ClassFigures]:
    """Return precision, recall and F1 of each class of a confusion matrix (C, C)."""
    right = np.diag(matrix).astype(np.float64)
    predicted, support = matrix.sum(axis=0), matrix.sum(axis=1)
    precision = right / np.maximum(predicted, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(predicted + support, 1)
    return [
        ClassFigures(float(a), float(b), float(c), int(d))
        for a, b, c, d in zip(precision, recall, f1, support, strict=True)
    ]


def macro_f1(matrix: Indices) -> float:
    """Return the plain mean of the F1 of all classes, 0 to 1."""
    return float(np.mean([figures.f1 for figures in class_figures(matrix)]))


def macro_f1_interval(matrix: Indices, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the macro-F1, 0 to 1.

    Faces are drawn anew within each class of the truth, as many as there were, 2,000
    times; the bounds are the 2.5 and 97.5 percentiles. The same seed, the same bounds.

    Args:
        matrix: (C, C); row: truth, column: predicted.
        seed: from 0.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    generator = np.random.default_rng(seed)
    drawn = np.zeros((_RESAMPLES, *matrix.shape), dtype=np.int64)
    for index, row in enumerate(matrix):
        # Drawing faces of a row with replacement is a multinomial of its shares.
        if row.sum():
            shares = row / row.sum()
            drawn[:, index] = generator.multinomial(row.sum(), shares, _RESAMPLES)
    right = np.diagonal(drawn, axis1=1, axis2=2)  # (draws, C)
    named = drawn.sum(axis=1) + drawn.sum(axis=2)  # predicted and support
    f1 = 2 * right / np.maximum(named, 1)
    low, high = np.percentile(f1.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def log_loss(probabilities: Numbers, truth: Indices) -> float:
    """Return the mean cross-entropy, natural logarithm; ln C for a guess.

    Args:
        probabilities: (N, C); below 1e-7 they count as that.
        truth: (N,).
    """
    chances = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(chances, 1e-7)).mean())


def brier_score(probabilities: Numbers, truth: Indices) -> float:
    """Return the mean squared distance from the truth, 0 to 2 (Brier 1950)."""
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def reliability(
    probabilities: Numbers, truth: Indices, bins: int = RELIABILITY_BINS
) -> Reliability:
    """Sort answers by their score, and see how often each score is right.

    Args:
        probabilities: (N, C), each row summing to 1.
        truth: (N,).
        bins: of equal width over 0 to 1; a score on an edge is of the lower bin.
    """
    scores = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(scores * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    divisor = np.maximum(counts, 1)
    return Reliability(
        counts=counts.astype(np.int64),
        confidence=np.bincount(place, weights=scores, minlength=bins) / divisor,
        accuracy=np.bincount(place, weights=right, minlength=bins) / divisor,
    )
