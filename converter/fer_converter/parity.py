"""What quantization cost, measured on the same faces, and whether it is allowed.

A gate is one small function: its docstring is the rule, and it returns a verdict
with the figure, its interval and the bound. Console, report and exit code are made
from those. The bound is held against the interval, not the mean: what is not shown
does not pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.intervals import paired_difference, wilson
from fer_contract.labels import Labels


@dataclass(frozen=True, slots=True)
class Gates:
    """What a conversion may cost; the command line has the defaults."""

    max_accuracy_drop: float
    """Percentage points of accuracy, float minus int8."""
    min_agreement: float
    """Share of faces on which float and int8 name the same class, 0 to 1."""


class Outcome(StrEnum):
    """How a gate decided; only ``PASSED`` makes a bundle."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's decision."""

    gate: str
    outcome: Outcome
    saw: str
    """Figure with its 95 % interval, and the bound."""


@dataclass(frozen=True, slots=True)
class ClassParity:
    """One class's recall, float and int8."""

    label: str
    faces: int
    float_right: int
    int8_right: int


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

    def facts(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "faces": self.faces,
            "float_accuracy": _proportion(self.float_right, self.faces),
            "int8_accuracy": _proportion(self.int8_right, self.faces),
            "agreement": _proportion(self.agree, self.faces),
            "accuracy_drop_points": {
                "value": round(self.drop, 3),
                "interval_95": [round(bound, 3) for bound in self.drop_interval],
            },
            "classes": {
                part.label: {
                    "faces": part.faces,
                    "float_recall": round(part.float_right / part.faces, 4),
                    "int8_recall": round(part.int8_right / part.faces, 4),
                }
                for part in self.classes
            },
        }


def compare(
    float_scores: npt.NDArray[np.float64],
    int8_scores: npt.NDArray[np.float64],
    classes: npt.NDArray[np.int64],
    labels: Labels,
) -> Parity:
    """Count where float and int8 are right and where they agree.

    Args:
        float_scores: (N, C) of the Keras model.
        int8_scores: (N, C) of the TFLite model, on the same faces.
        classes: (N,), the right class of each.
        labels: C names.
    """
    by_float, by_int8 = float_scores.argmax(axis=1), int8_scores.argmax(axis=1)
    float_right, int8_right = by_float == classes, by_int8 == classes
    return Parity(
        faces=len(classes),
        float_right=int(float_right.sum()),
        int8_right=int(int8_right.sum()),
        agree=int((by_float == by_int8).sum()),
        only_float_right=int((float_right & ~int8_right).sum()),
        only_int8_right=int((int8_right & ~float_right).sum()),
        classes=tuple(
            ClassParity(
                label=label,
                faces=int((classes == index).sum()),
                float_right=int(float_right[classes == index].sum()),
                int8_right=int(int8_right[classes == index].sum()),
            )
            for index, label in enumerate(labels)
        ),
    )


def accuracy_drop(parity: Parity, gates: Gates) -> Verdict:
    """The accuracy lost stays below --max-accuracy-drop."""
    low, high = parity.drop_interval
    saw = (
        f"{parity.drop:+.2f} points ({low:+.2f} to {high:+.2f}), at most "
        f"{gates.max_accuracy_drop:.2f} allowed"
    )
    if high <= gates.max_accuracy_drop:
        outcome = Outcome.PASSED
    elif low > gates.max_accuracy_drop:
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.UNDECIDED
    return Verdict("accuracy drop", outcome, saw)


def agreement(parity: Parity, gates: Gates) -> Verdict:
    """Float and int8 name the same class on at least --min-agreement of the faces."""
    low, high = wilson(parity.agree, parity.faces)
    saw = (
        f"{parity.agree / parity.faces:.2%} ({low:.2%} to {high:.2%}), at least "
        f"{gates.min_agreement:.2%} wanted"
    )
    if low >= gates.min_agreement:
        outcome = Outcome.PASSED
    elif high < gates.min_agreement:
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.UNDECIDED
    return Verdict("agreement", outcome, saw)


ALL_GATES: tuple[Callable[[Parity, Gates], Verdict], ...] = (accuracy_drop, agreement)


def judge(parity: Parity, gates: Gates) -> tuple[Verdict, ...]:
    """Ask every gate."""
    return tuple(gate(parity, gates) for gate in ALL_GATES)


def _proportion(successes: int, trials: int) -> dict[str, Any]:
    low, high = wilson(successes, trials)
    return {
        "value": round(successes / trials, 4),
        "interval_95": [round(low, 4), round(high, 4)],
    }
