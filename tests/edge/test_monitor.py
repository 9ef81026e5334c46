"""What the daemon is doing, as everyone outside its loop is told."""

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fer_contract.preprocess import Box
from fer_edge.cameras import Frame
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.events import Event, EventType
from fer_edge.loop import Turn
from fer_edge.moment import Moment
from fer_edge.monitor import BUCKETS, Monitor, Status
from fer_edge.pipeline import Face, Processed
from fer_edge.stages import Stage
from mqtt_stage import ABOUT, event

_START = datetime(2024, 1, 1, tzinfo=UTC)
_BEGUN = 100.0
_STATE = ClassifierState(Device.CPU, since=_BEGUN)


def _moment(seconds: float) -> Moment:
    return Moment(_BEGUN + seconds, _START + timedelta(seconds=seconds))


def _turn(
    seconds: float,
    *,
    faces: int = 1,
    dropped: int = 0,
    events: tuple[Event, ...] = (),
    looked_at: bool = True,
    took: float = 0.02,
) -> Turn:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), _moment(seconds), dropped)
    seen = tuple(
        Face(n, Box(0, 0, 4, 4), {"happy": 0.9, "sad": 0.1}, "") for n in range(faces)
    )
    return Turn(frame, Processed(events, seen, looked_at), {Stage.DETECT: took}, 0.05)


def _event(kind: EventType, emotion: str) -> Event:
    return event(1, emotion, kind=kind)


def _see(monitor: Monitor, turn: Turn) -> None:
    """As the loop does: a frame comes, and is then done with."""
    taken = turn.frame.taken.seconds
    monitor.arrive(turn.frame, taken)
    monitor.see(dataclasses.replace(turn, age_seconds=0.05))


@pytest.fixture
def controls() -> Controls:
    """Both switches as they are at the start."""
    return Controls()


@pytest.fixture
def monitor(controls: Controls) -> Monitor:
    """Of a daemon that has begun just now."""
    return Monitor(ABOUT, _moment(0.0), controls, lambda: _STATE)


def _status(monitor: Monitor, seconds: float) -> Status:
    return monitor.status(_moment(seconds))


def test_before_the_first_frame(monitor: Monitor) -> None:
    """Nothing was seen, for ever; what stands still is told all the same."""
    status = _status(monitor, 3.0)
    assert status.about == ABOUT
    assert status.uptime_seconds == 3.0
    assert (status.frames, status.frames_per_second) == (0, 0.0)
    assert status.frame_age_seconds == status.processed_age_seconds == math.inf
    assert status.last_frame_at is None
    assert (status.outbox, status.broker) == (None, None)
    assert status.classifier == _STATE


def test_counts(monitor: Monitor) -> None:
    """Frames, frames passed over, beginnings, and how long stages took."""
    _see(monitor, _turn(0.0, dropped=2, events=(_event(EventType.NEW, "sad"),)))
    _see(monitor, _turn(0.1, took=0.001, events=(_event(EventType.END, "sad"),)))
    _see(monitor, _turn(0.2, faces=3, took=9.0, events=(_event(EventType.NEW, "sad"),)))
    status = _status(monitor, 0.7)
    assert (status.frames, status.dropped, status.faces) == (3, 2, 3)
    assert status.events == {"sad": 2}
    assert status.frame_age_seconds == pytest.approx(0.5)
    assert status.latency_seconds == 0.05
    histogram = status.stages[Stage.DETECT]
    assert histogram.seconds == pytest.approx(9.021)
    filled = {BUCKETS[i]: count for i, count in enumerate(histogram.counts) if count}
    assert filled == {0.001: 1, 0.025: 1, math.inf: 1}


@pytest.mark.parametrize("rate", [2.0, 30.0])
def test_frame_rate(monitor: Monitor, rate: float) -> None:
    """It is that of the camera, and falls towards nothing while no frame comes."""
    frames = int(20 * rate)
    for index in range(frames):
        _see(monitor, _turn(index / rate))
    last = (frames - 1) / rate
    assert _status(monitor, last).frames_per_second == pytest.approx(rate)
    assert _status(monitor, last + 30.0).frames_per_second < 0.01 * rate


def test_detection_switched_off(monitor: Monitor, controls: Controls) -> None:
    """Camera and loop are alive, and nobody is counted."""
    _see(monitor, _turn(0.0, faces=2))
    controls.detect = False
    _see(monitor, _turn(5.0, faces=0, looked_at=False))
    status = _status(monitor, 6.0)
    assert not status.detecting
    assert status.faces == 0
    assert status.frame_age_seconds == pytest.approx(1.0)
    assert status.processed_age_seconds == pytest.approx(0.95)
    assert sum(status.stages[Stage.DETECT].counts) == 1


def test_a_frame_that_is_never_done_with(monitor: Monitor) -> None:
    """The camera is alive; it is the work on its frame that hangs."""
    _see(monitor, _turn(0.0))
    monitor.arrive(_turn(1.0).frame, _BEGUN + 1.0)
    status = _status(monitor, 61.0)
    assert status.frame_age_seconds == pytest.approx(60.0)
    assert status.processed_age_seconds == pytest.approx(60.95)
    assert status.frames == 2


def test_a_recording(monitor: Monitor) -> None:
    """Its own clock is not that of the ages."""
    turn = dataclasses.replace(_turn(-5000.0), age_seconds=5002.0)
    monitor.arrive(turn.frame, _BEGUN + 1.5)
    monitor.see(turn)
    status = _status(monitor, 3.0)
    assert status.frame_age_seconds == pytest.approx(1.5)
    assert status.processed_age_seconds == pytest.approx(1.0)


def test_clock_that_stands_still(monitor: Monitor) -> None:
    """Two frames of one moment are no reason to fail."""
    _see(monitor, _turn(1.0))
    _see(monitor, _turn(1.0))
    assert _status(monitor, 1.0).frames == 2
