"""The one loop: newest frame, its events, the publishers; until told to stop."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.controls import Controls
from fer_edge.events import Event
from fer_edge.moment import read_clocks
from fer_edge.pipeline import Pipeline, Processed
from fer_edge.publishers import Publisher
from fer_edge.stages import Stage, Stopwatch

_LOGGER = logging.getLogger(__name__)

# A signal only sets ``stop``, which the loop sees between two reads: this is how long
# SIGTERM can go unheard while a camera gives nothing.
_READ_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """One frame, from the camera to the publishers."""

    frame: Frame
    processed: Processed
    seconds: Mapping[Stage, float]
    """What each stage took; a stage that was not needed is absent."""
    age_seconds: float
    """From when a live camera took the frame until its events were out. A recording's
    own clock makes this a number without meaning."""


Watch = Callable[[Turn], None]
"""Sees every frame after its events are published."""

Notice = Callable[[Frame, float], None]
"""Told of every frame as it comes, before it is looked at, and when that is: seconds of
``time.monotonic``."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to."""

    frames: int
    faces: int
    events: int
    dropped: int
    """Frames of a live camera that were too old when the next one was wanted."""
    seconds: float
    """That it took."""


def stop_on_signals() -> threading.Event:
    """Turn SIGTERM and SIGINT into an event; a second one kills as usual."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        _LOGGER.info("%s: stopping", signal.Signals(number).name)
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def heed_hangups() -> threading.Event:
    """Turn SIGHUP into an event, which asks for the configuration to be read anew."""
    asked = threading.Event()
    signal.signal(signal.SIGHUP, lambda _number, _frame: asked.set())
    return asked


def run(
    camera: Camera,
    pipeline: Pipeline,
    publishers: Sequence[Publisher],
    stop: threading.Event,
    *,
    watches: Sequence[Watch] = (),
    notice: Notice | None = None,
    controls: Controls | None = None,
    between: Sequence[Callable[[], None]] = (),
    ending: Callable[[], None] | None = None,
) -> Summary:
    """Process frames until the recording ends or ``stop`` is set.

    Open episodes are ended and published either way.

    Args:
        camera: closed at the end, as are the publishers.
        pipeline: makes events of frames.
        publishers: each gets every event.
        stop: looked at between two frames.
        watches: see every frame.
        notice: told of every frame.
        controls: whether frames are looked at; always if not given.
        between: each is called between two frames, and while none comes.
        ending: called when no more frames will be read, before all that is to be done.

    Raises:
        CameraError: the camera fails; episodes are ended before.
    """
    begun = arrived = time.monotonic()
    frames = events = dropped = 0
    stopwatch = Stopwatch()

    def publish(news: Sequence[Event]) -> None:
        nonlocal events
        for event in news:
            events += 1
            for publisher in publishers:
                publisher.publish(event)

    # Each is closed, whatever happens to the others.
    with contextlib.ExitStack() as closing:
        closing.callback(camera.close)
        for publisher in publishers:
            closing.callback(publisher.close)
        closing.callback(lambda: publish(pipeline.close()))
        if ending is not None:
            closing.callback(ending)
        with contextlib.suppress(EndOfFrames):
            while not stop.is_set():
                for duty in between:
                    duty()
                with stopwatch.on(Stage.CAPTURE):
                    frame = camera.read(_READ_SECONDS)
                if frame is None:
                    publish(pipeline.wait(time.monotonic() - arrived))
                    continue
                arrived = time.monotonic()
                if notice is not None:
                    notice(frame, arrived)
                if controls is None or controls.detect:
                    processed = pipeline.process(frame, stopwatch)
                else:
                    processed = pipeline.pass_over(frame)
                with stopwatch.on(Stage.PUBLISH):
                    publish(processed.events)
                frames += 1
                dropped += frame.dropped
                if watches:
                    age = read_clocks().seconds - frame.taken.seconds
                    turn = Turn(frame, processed, stopwatch.seconds, age)
                    for watch in watches:
                        watch(turn)
                stopwatch = Stopwatch()
    return Summary(frames, pipeline.faces, events, dropped, time.monotonic() - begun)
