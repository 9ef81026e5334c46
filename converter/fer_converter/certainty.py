"""What a score means after quantization: temperature, and when to say ``uncertain``."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.intervals import wilson
from fer_contract.metrics import Indices, Numbers, Reliability, reliability
from fer_contract.scores import temper

_LOWEST, _HIGHEST = 0.1, 10.0
_GOLDEN = (np.sqrt(5) - 1) / 2
_STEPS = 40  # the bracket shrinks to 10^-8 of its width

_CURVE = np.round(np.arange(0.0, 1.0, 0.025), 3)
_WANTED = (0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is told, and how often rightly, if scores below a threshold are not."""

    threshold: float
    told: int
    right: int
    faces: int

    @property
    def coverage(self) -> float:
        """Share of the faces that is told, 0 to 1."""
        return self.told / self.faces

    @property
    def accuracy(self) -> float:
        """Share of what is told that is right, 0 to 1; 1 if nothing is."""
        return self.right / self.told if self.told else 1.0

    def facts(self) -> dict[str, Any]:
        """Return the point as JSON."""
        facts: dict[str, Any] = {
            "threshold": self.threshold,
            "coverage": round(self.coverage, 4),
            "accuracy": round(self.accuracy, 4),
        }
        if self.told:
            low, high = wilson(self.right, self.told)
            facts["accuracy_95"] = [round(low, 4), round(high, 4)]
        return facts


@dataclass(frozen=True, slots=True)
class Certainty:
    """Scores before and after, on the faces of the comparison."""

    temperature: float
    """Fitted to the int8 scores of all faces; the device applies it."""
    float_reliability: Reliability
    int8_reliability: Reliability
    """As the int8 model gives them."""
    tempered_reliability: Reliability
    """Each half of the faces with the temperature that was fitted to the other."""
    curve: tuple[Coverage, ...]
    """Of the tempered scores, by threshold; at 0 all faces are told."""
    chosen: Coverage
    """At the threshold that the bundle ships with."""

    def operating_points(self) -> dict[float, Coverage | None]:
        """Return the lowest threshold that reaches each of some accuracies."""
        return {
            wanted: next(
                (part for part in self.curve if part.told and part.accuracy >= wanted),
                None,
            )
            for wanted in _WANTED
        }

    def facts(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "temperature": round(self.temperature, 4),
            "calibration_error": {
                "float": round(self.float_reliability.calibration_error, 4),
                "int8": round(self.int8_reliability.calibration_error, 4),
                "int8_tempered": round(self.tempered_reliability.calibration_error, 4),
            },
            "reliability": {
                "float": self.float_reliability.facts(),
                "int8": self.int8_reliability.facts(),
                "int8_tempered": self.tempered_reliability.facts(),
            },
            "coverage": [part.facts() for part in self.curve],
            "at_threshold": self.chosen.facts(),
            "operating_points": {
                f"{wanted:.2f}": part and part.facts()
                for wanted, part in self.operating_points().items()
            },
        }


def certainty(
    float_scores: Numbers, int8_scores: Numbers, truth: Indices, threshold: float
) -> Certainty:
    """Fit and measure.

    Args:
        float_scores: (N, C), of the float model.
        int8_scores: (N, C), of the int8 model on the same faces.
        truth: (N,), 0 to C - 1.
        threshold: 0 to 1, that the device is given.
    """
    # Rounded as the manifest keeps it, so that what is measured is what ships.
    temperature = round(fit_temperature(int8_scores, truth), 4)
    honest = np.empty_like(int8_scores)
    # Faces are sorted by class: every second one is in the other half.
    halves = np.arange(len(truth)) % 2 == 0
    for half in (halves, ~halves):
        if half.any() and not half.all():
            fitted = fit_temperature(int8_scores[~half], truth[~half])
            honest[half] = temper(int8_scores[half], fitted)
        else:
            honest[half] = temper(int8_scores[half], temperature)
    final = temper(int8_scores, temperature)
    sure, right = final.max(axis=1), final.argmax(axis=1) == truth

    def at(threshold: float) -> Coverage:
        told = sure >= threshold
        return Coverage(
            threshold, int(told.sum()), int((right & told).sum()), len(truth)
        )

    return Certainty(
        temperature=temperature,
        float_reliability=reliability(float_scores, truth),
        int8_reliability=reliability(int8_scores, truth),
        tempered_reliability=reliability(honest, truth),
        curve=tuple(at(float(threshold)) for threshold in _CURVE),
        chosen=at(threshold),
    )


def fit_temperature(probabilities: Numbers, truth: Indices) -> float:
    """Return the temperature with the lowest mean cross-entropy, 0.1 to 10.

    Golden-section search over its logarithm, in which the loss has one minimum.

    Args:
        probabilities: (N, C), N at least 1.
        truth: (N,), 0 to C - 1.

    Source: Guo et al. 2017, arXiv 1706.04599, section 4.2.
    """

    def loss(logarithm: float) -> float:
        tempered = temper(probabilities, float(np.exp(logarithm)))
        return float(-np.log(tempered[np.arange(len(truth)), truth]).mean())

    low, high = float(np.log(_LOWEST)), float(np.log(_HIGHEST))
    for _ in range(_STEPS):
        reach = _GOLDEN * (high - low)
        if loss(high - reach) <= loss(low + reach):
            high = low + reach
        else:
            low = high - reach
    return float(np.exp((low + high) / 2))
