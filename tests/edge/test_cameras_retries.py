"""When a camera is opened again, and when that is given up; when it is frozen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Pixels
from fer_edge.cameras.freeze import FreezeWatch
from fer_edge.cameras.retries import Retries


def _pauses(retries: Retries, count: int, now: float) -> list[float]:
    pauses = []
    for _ in range(count):
        retries.failed(now)
        pauses.append(retries.due - now)
        now = retries.due
        retries.opened(now)
    return pauses


def _shade(level: int) -> Pixels:
    return np.full((2, 2, 3), level, np.uint8)


def test_failure_after_failure() -> None:
    """The pause doubles, up to the longest."""
    retries = Retries(1.0, 30.0, 1e9, now=100.0)
    assert retries.due == 100.0
    assert _pauses(retries, 8, 100.0) == [1, 2, 4, 8, 16, 30, 30, 30]


def test_camera_that_works_again() -> None:
    """Once it has worked for as long as the longest pause, the pauses begin anew."""
    retries = Retries(1.0, 30.0, 1e9, now=0.0)
    _pauses(retries, 4, 0.0)
    opened = retries.due
    retries.frame(opened + 29.9)
    assert _pauses(retries, 1, opened + 29.9) == [16]
    opened = retries.due
    retries.frame(opened + 30.0)
    assert _pauses(retries, 1, opened + 30.0) == [1]


def test_camera_that_gives_one_frame_an_opening() -> None:
    """It is not opened in a frenzy, but it is not given up either."""
    retries = Retries(1.0, 8.0, 60.0, now=0.0)
    pauses = []
    for _ in range(30):
        retries.opened(retries.due)
        retries.frame(retries.due)
        assert not retries.exhausted(retries.due)
        pauses += _pauses(retries, 1, retries.due)
    assert pauses[:5] == [1, 2, 4, 8, 8]
    assert pauses[-1] == 8


@pytest.mark.parametrize("frame_at", [None, 50.0])
def test_patience(frame_at: float | None) -> None:
    """It ends so long after the last frame, or after the beginning without any."""
    retries = Retries(1.0, 8.0, 60.0, now=0.0)
    good = frame_at or 0.0
    if frame_at is not None:
        retries.frame(frame_at)
    assert retries.good == good
    retries.failed(good + 10.0)
    assert not retries.exhausted(good + 59.9)
    assert retries.exhausted(good + 60.0)


@given(
    first=st.floats(0.1, 100.0),
    more=st.floats(0.0, 100.0),
    steps=st.lists(st.tuples(st.booleans(), st.floats(0.0, 1e4)), max_size=100),
)
def test_any_course(first: float, more: float, steps: list[tuple[bool, float]]) -> None:
    """No pause is shorter than the first nor longer than the longest."""
    retries = Retries(first, first + more, 1e9, now=0.0)
    now = 0.0
    for works, seconds in steps:
        now = max(now + seconds, retries.due)
        retries.opened(now)
        if works:
            now += seconds
            retries.frame(now)
        retries.failed(now)
        assert first - 1e-6 <= retries.due - now <= first + more + 1e-6


def test_failing_for_a_year() -> None:
    """However often it has failed, the pause is a number."""
    assert _pauses(Retries(1.0, 30.0, 1e9, now=0.0), 5000, 0.0)[-1] == 30


def test_living_camera() -> None:
    """Frames that differ are of a camera that works, even by one bit."""
    watch = FreezeWatch(10.0)
    for second in range(100):
        frame = _shade(0)
        frame[1, 1, 2] = second % 2
        assert watch.frozen_for(frame, float(second)) == 0.0


def test_frozen_camera() -> None:
    """One frame for too long is told once, then after twice the time, up to an hour."""
    watch = FreezeWatch(60.0)
    told = {
        second: frozen
        for second in range(4 * 3600)
        if (frozen := watch.frozen_for(_shade(7), float(second)))
    }
    assert list(told) == [60, 180, 420, 900, 1860, 3780, 7380, 10980]
    assert list(told.values()) == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_camera_that_thawed() -> None:
    """After another frame the time is the first again."""
    watch = FreezeWatch(10.0)
    assert [watch.frozen_for(_shade(7), second) for second in (0.0, 10.0)] == [0, 10]
    assert watch.frozen_for(_shade(8), 15.0) == 0
    assert watch.frozen_for(_shade(8), 24.9) == 0
    assert watch.frozen_for(_shade(8), 25.9) == pytest.approx(10.9)


def test_frozen_at_30_frames_a_second() -> None:
    """How many frames come makes no difference, nor what is drawn on one given away."""
    watch = FreezeWatch(10.0)
    for tick in range(300):
        frame = _shade(7)
        assert watch.frozen_for(frame, tick / 30) == 0.0
        frame[:] = tick % 256
    assert watch.frozen_for(_shade(7), 11.0) == 11.0


def test_frames_of_another_size() -> None:
    """They are other frames."""
    watch = FreezeWatch(10.0)
    assert watch.frozen_for(_shade(7), 0.0) == 0.0
    assert watch.frozen_for(np.full((4, 4, 3), 7, np.uint8), 20.0) == 0.0


def test_switched_off() -> None:
    """With 0 seconds one frame may last for ever."""
    watch = FreezeWatch(0.0)
    assert {watch.frozen_for(_shade(7), 1e3 * step) for step in range(50)} == {0.0}
