"""Temperature and thresholds: what a score means, and when nothing is told."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_contract.scores import temper
from fer_converter.certainty import certainty, fit_temperature

Numbers = npt.NDArray[np.float64]


def drawn(
    count: int, sharpness: float, seed: int = 0
) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Honest scores of four classes with a truth drawn from them, then sharpened."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet([0.8] * 4, count)
    truth = np.array([rng.choice(4, p=row) for row in honest])
    powers = np.maximum(honest, 1 / 256) ** sharpness
    return powers / powers.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_the_temperature_that_was_applied_is_found(sharpness: float) -> None:
    """Scores to the power of 2 are mended by a temperature of 2."""
    scores, truth = drawn(6000, sharpness)
    assert fit_temperature(scores, truth) == pytest.approx(sharpness, rel=0.1)


@settings(max_examples=25)
@given(st.integers(0, 100), st.sampled_from([0.4, 0.8, 1.5, 2.5]))
def test_no_temperature_fits_better(seed: int, sharpness: float) -> None:
    """The cross-entropy is higher on either side."""
    scores, truth = drawn(300, sharpness, seed)

    def loss(temperature: float) -> float:
        tempered = temper(scores, temperature)
        return float(-np.log(tempered[np.arange(len(truth)), truth]).mean())

    best = fit_temperature(scores, truth)
    assert loss(best) <= min(loss(best * 1.05), loss(best / 1.05)) + 1e-9


def test_overconfident_scores() -> None:
    """Their calibration error falls, and is measured on faces not fitted to."""
    scores, truth = drawn(4000, 2.5)
    sure = certainty(scores, scores, truth, 0.5)
    before = sure.int8_reliability.calibration_error
    assert before > 0.08
    assert sure.tempered_reliability.calibration_error < 0.03
    assert sure.float_reliability.calibration_error == before


def test_what_is_told_shrinks_as_the_threshold_rises() -> None:
    """Coverage falls from everything; each point knows its interval."""
    scores, truth = drawn(2000, 1.5)
    curve = certainty(scores, scores, truth, 0.5).curve
    assert curve[0].coverage == 1
    told = [point.told for point in curve]
    assert told == sorted(told, reverse=True)
    low, high = curve[5].facts()["accuracy_95"]
    assert low < curve[5].accuracy < high
    assert curve[-1].accuracy > curve[0].accuracy


def test_operating_points() -> None:
    """The lowest threshold that is right often enough; none where none is."""
    scores, truth = drawn(3000, 1.0)
    points = certainty(scores, scores, truth, 0.5).operating_points()
    assert list(points) == [0.8, 0.85, 0.9, 0.95]
    chosen = points[0.8]
    assert chosen is not None
    assert chosen.accuracy >= 0.8
    wrong = certainty(scores, scores, (scores.argmax(axis=1) + 1) % 4, 0.5)
    assert set(wrong.operating_points().values()) == {None}


def test_a_single_face() -> None:
    """There is no other half to fit to; nothing breaks."""
    scores = np.array([[0.7, 0.1, 0.1, 0.1]])
    assert certainty(scores, scores, np.array([0]), 0.5).curve[0].told == 1


@pytest.mark.parametrize("threshold", [0.0, 0.333, 0.9])
def test_what_is_told_at_the_bundles_threshold(threshold: float) -> None:
    """At exactly that one, between the curve's points or beyond all scores."""
    scores, truth = drawn(500, 1.0)
    weak = 0.25 + 0.5 * (scores - 0.25)  # at most 0.625
    sure = certainty(weak, weak, truth, threshold)
    told = temper(weak, sure.temperature).max(axis=1) >= threshold
    assert sure.chosen.threshold == threshold
    assert sure.chosen.told == told.sum()
    assert sure.facts()["at_threshold"]["coverage"] == round(told.mean(), 4)


def test_seven_classes_and_no_idea() -> None:
    """Scores of a seventh each: the curve still begins with every face."""
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1.0] * 7, 300)
    sure = certainty(scores, scores, rng.integers(0, 7, 300), 0.5)
    assert sure.curve[0].told == 300
    assert sure.chosen.told == 0
