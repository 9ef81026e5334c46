"""The one loop: how it ends, whatever ends it."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fer_contract.preprocess import Box, InputSpec, Pixels
from fer_edge.cameras import EndOfFrames, Frame
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import CameraError
from fer_edge.events import Event
from fer_edge.locating import Locator
from fer_edge.loop import Turn, run
from fer_edge.moment import Moment
from fer_edge.pipeline import Pipeline
from fer_edge.tracking import TrackingSettings

_START = datetime(2024, 1, 1, tzinfo=UTC)


class Frames:
    """A recording of so many black frames, which then ends, or fails."""

    def __init__(self, count: int, failure: CameraError | None = None) -> None:
        self.given = 0
        self.closed = 0
        self._count = count
        self._failure = failure

    def read(self, timeout_seconds: float) -> Frame | None:
        assert timeout_seconds > 0.0
        if self.given == self._count:
            raise self._failure or EndOfFrames
        seconds = 0.1 * self.given
        self.given += 1
        moment = Moment(seconds, _START + timedelta(seconds=seconds))
        return Frame(np.zeros((48, 64, 3), np.uint8), moment)

    def close(self) -> None:
        self.closed += 1


class Stalling(Frames):
    """A camera that gives nothing before each frame; after the last comes SIGTERM."""

    def __init__(self, count: int, stop: threading.Event) -> None:
        super().__init__(count)
        self.waits: list[float] = []
        self._stop = stop

    def read(self, timeout_seconds: float) -> Frame | None:
        assert not self._stop.is_set()
        if len(self.waits) > self.given:
            return super().read(timeout_seconds)
        self.waits.append(timeout_seconds)
        if self.given == self._count:
            self._stop.set()
        return None


class Stalled:
    """A camera that gives no more after its last frame, and does not say so."""

    def __init__(self, inner: Frames) -> None:
        self.inner = inner

    def read(self, timeout_seconds: float) -> Frame | None:
        try:
            return self.inner.read(timeout_seconds)
        except EndOfFrames:
            time.sleep(0.05)
            return None

    def close(self) -> None:
        self.inner.close()


class OneFace:
    """Always one face, at the same place."""

    name = "one"

    def detect(self, frame: Pixels) -> list[Box]:
        return [Box(0.0, 0.0, float(frame.shape[0]), float(frame.shape[0]))]

    def near(self, frame: Pixels, box: Box) -> list[Box]:  # noqa: ARG002 - always there
        return self.detect(frame)


class AlwaysHappy:
    """Never in doubt."""

    name = "happy"
    input = InputSpec(8, 8, 0.0)
    labels = ("happy", "sad")
    threshold = 0.5
    runtime = "none"
    state = ClassifierState(Device.CPU, since=0.0)

    def scores(self, face: Pixels) -> Mapping[str, float]:
        assert face.shape == self.input.shape
        return {"happy": 1.0, "sad": 0.0}

    def close(self) -> None:
        """Nothing is held."""


class Kept:
    """Keeps what is published; does something at each event if asked to."""

    def __init__(self, then: Callable[[], None] | None = None) -> None:
        self.events: list[Event] = []
        self.closed = 0
        self._then = then

    def publish(self, event: Event) -> None:
        assert self.closed == 0
        self.events.append(event)
        if self._then is not None:
            self._then()

    def close(self) -> None:
        self.closed += 1

    @property
    def types(self) -> list[str]:
        return [event.type.value for event in self.events]


@pytest.fixture
def pipeline() -> Pipeline:
    """One face that begins to be happy in the first frame."""
    settings = EpisodeSettings(trigger_seconds=0.0)
    locator = Locator(OneFace(), 0.0, 0.0, TrackingSettings())
    return Pipeline("door", locator, AlwaysHappy(), settings)


def test_camera_without_more_frames(pipeline: Pipeline) -> None:
    """After the last frame open episodes end, and every part is closed once."""
    camera, first, second = Frames(10), Kept(), Kept()
    summary = run(camera, pipeline, [first, second], threading.Event())
    assert first.types == ["new", "end"]
    assert second.events == first.events
    assert (camera.closed, first.closed, second.closed) == (1, 1, 1)
    assert (summary.frames, summary.faces, summary.events) == (10, 10, 2)
    assert 0.0 <= summary.seconds < 10.0


def test_stop_in_the_middle(pipeline: Pipeline) -> None:
    """Told to stop, the loop reads no further frame, and ends what is open."""
    stop = threading.Event()
    camera, kept = Frames(10), Kept(stop.set)
    summary = run(camera, pipeline, [kept], stop)
    assert kept.types == ["new", "end"]
    assert camera.given == summary.frames == 1
    assert (camera.closed, kept.closed) == (1, 1)


def test_stop_while_the_camera_stalls(pipeline: Pipeline) -> None:
    """A pause is no end; told to stop in one, the loop waits a second at most."""
    stop = threading.Event()
    camera, kept = Stalling(10, stop), Kept()
    summary = run(camera, pipeline, [kept], stop)
    assert kept.types == ["new", "end"]
    assert camera.given == summary.frames == 10
    assert len(camera.waits) == 11
    assert max(camera.waits) <= 1.0
    assert (camera.closed, kept.closed) == (1, 1)


def test_camera_that_stalls_for_long(pipeline: Pipeline) -> None:
    """Nobody is said to be happy who has not been seen for as long as a face may."""
    stop = threading.Event()
    kept = Kept(lambda: stop.set() if kept.types == ["new", "end"] else None)
    camera = Stalled(Frames(3))
    run(camera, pipeline, [kept], stop)
    assert kept.types == ["new", "end"]
    end = kept.events[1]
    assert end.ended_at is not None
    assert end.ended_at == _START + timedelta(seconds=0.2)
    waited = (end.at - end.ended_at).total_seconds()
    assert waited > TrackingSettings().lost_seconds


def test_stop_before_the_first_frame(pipeline: Pipeline) -> None:
    """Told to stop at once, nothing is read and nothing is told."""
    stop = threading.Event()
    stop.set()
    camera, kept = Frames(10), Kept()
    summary = run(camera, pipeline, [kept], stop)
    assert (camera.given, summary.frames, kept.events) == (0, 0, [])
    assert (camera.closed, kept.closed) == (1, 1)


def test_camera_that_fails(pipeline: Pipeline) -> None:
    """Open episodes are ended and published before the failure is passed on."""
    camera, kept = Frames(10, CameraError("door: unplugged")), Kept()
    with pytest.raises(CameraError, match=r"^door: unplugged$"):
        run(camera, pipeline, [kept], threading.Event())
    assert kept.types == ["new", "end"]
    assert (camera.closed, kept.closed) == (1, 1)


def test_publisher_that_fails(pipeline: Pipeline) -> None:
    """Its failure is passed on, and every part is closed all the same."""

    def fail() -> None:
        raise OSError("disk full")

    camera, failing, other = Frames(10), Kept(fail), Kept()
    with pytest.raises(OSError, match="disk full"):
        run(camera, pipeline, [failing, other], threading.Event())
    assert (camera.closed, failing.closed, other.closed) == (1, 1, 1)


def test_detection_switched_off_and_on(pipeline: Pipeline) -> None:
    """While it is off frames are read and not looked at; faces are forgotten."""
    controls, turns = Controls(), list[Turn]()

    def turn_switches(turn: Turn) -> None:
        turns.append(turn)
        controls.detect = not 3 <= len(turns) < 7

    kept = Kept()
    run(
        Frames(40),
        pipeline,
        [kept],
        threading.Event(),
        watches=[turn_switches],
        controls=controls,
    )
    looked_at = [turn.processed.looked_at for turn in turns]
    assert looked_at == [True] * 3 + [False] * 4 + [True] * 33
    assert kept.types == ["new", "end", "new", "end"]
    assert kept.events[1].ended_at == turns[2].frame.taken.at
    assert kept.events[2].at == turns[7].frame.taken.at


def test_work_between_frames(pipeline: Pipeline) -> None:
    """It is done before every read, those that bring no frame included."""
    stop = threading.Event()
    camera, done = Stalling(10, stop), list[int]()
    run(camera, pipeline, [], stop, between=[lambda: done.append(camera.given)])
    assert len(done) == len(camera.waits) + camera.given


def test_sequence_goes_on(pipeline: Pipeline) -> None:
    """Events count on after those of an earlier run."""
    settings = EpisodeSettings(trigger_seconds=0.0)
    locator = Locator(OneFace(), 0.0, 0.0, TrackingSettings())
    later = Pipeline("door", locator, AlwaysHappy(), settings, last_seq=41)
    for tried, first in ((pipeline, 1), (later, 42)):
        kept = Kept()
        run(Frames(3), tried, [kept], threading.Event())
        assert [event.seq for event in kept.events] == [first, first + 1]
