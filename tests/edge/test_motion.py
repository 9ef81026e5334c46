"""The motion of a quantity that is measured now and then."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.motion import Motion

_UNREST = 4.0
_ERROR = 0.05**2


def _motion() -> Motion:
    return Motion(0.0, _ERROR, 4.0)


@given(
    first=st.floats(0.0, 5.0),
    second=st.floats(0.0, 5.0),
    measured=st.floats(-10.0, 10.0),
)
def test_time_in_two_parts(first: float, second: float, measured: float) -> None:
    """It does not matter in how many steps a time passes."""
    parts, whole = _motion(), _motion()
    for motion in (parts, whole):
        motion.advance(0.1, _UNREST)
        motion.correct(measured, _ERROR)
    parts.advance(first, _UNREST)
    parts.advance(second, _UNREST)
    whole.advance(first + second, _UNREST)
    for name in ("value", "rate", "variance", "covariance", "rate_variance"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-9)


@pytest.mark.parametrize("interval", [1 / 30, 0.1, 0.2, 0.5])
def test_steady_motion(interval: float) -> None:
    """What moves steadily is soon expected where it is, in spite of the noise."""
    chance = random.Random(0)
    motion = _motion()
    surprises = []
    for index in range(1, 200):
        place = 3.0 * interval * index
        motion.advance(interval, _UNREST)
        surprises.append(motion.value - place)
        motion.correct(place + chance.gauss(0.0, math.sqrt(_ERROR)), _ERROR)
    typical = math.sqrt(sum(square**2 for square in surprises[20:]) / 179)
    # Not much worse than a measurement would be; to expect it where it was last
    # would be off by 3 * interval.
    assert typical < 3.5 * math.sqrt(_ERROR)
    assert motion.rate == pytest.approx(3.0, abs=1.0)


def test_doubt() -> None:
    """It grows with the time without a measurement, and each one makes it less."""
    motion = _motion()
    doubts = [motion.deviation_after(seconds, _UNREST) for seconds in (0.0, 0.1, 0.2)]
    assert doubts == sorted(doubts)
    assert doubts[0] == pytest.approx(0.05)
    motion.advance(0.2, _UNREST)
    assert motion.deviation_after(0.0, _UNREST) == pytest.approx(doubts[2])
    motion.correct(0.0, _ERROR)
    assert motion.deviation_after(0.0, _UNREST) < 0.05


@given(
    steps=st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(-1e6, 1e6)), max_size=50)
)
def test_any_measurements(steps: list[tuple[float, float]]) -> None:
    """Whatever is measured whenever, the numbers stay numbers."""
    motion = _motion()
    for seconds, measured in steps:
        motion.advance(seconds, _UNREST)
        motion.correct(measured, _ERROR)
        assert math.isfinite(motion.value)
        assert math.isfinite(motion.rate)
        assert motion.variance > 0.0
        assert motion.rate_variance >= 0.0
