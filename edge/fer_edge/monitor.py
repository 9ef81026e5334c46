"""What the daemon is doing: counted by the loop, read by everyone else."""

import bisect
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fer_edge.cameras import Frame
from fer_edge.classifiers import ClassifierState
from fer_edge.controls import Controls
from fer_edge.events import EventType
from fer_edge.loop import Turn
from fer_edge.models.trial import ModelState
from fer_edge.moment import Moment
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.stages import Stage

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, math.inf)
"""Upper bounds of the histograms of seconds; the last holds what is beyond."""

_RATE_SECONDS = 5.0
"""Time constant of the mean frame rate."""


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while the daemon runs."""

    version: str
    node: str
    """This device's name in topics."""
    camera: str
    """Its name in events."""
    source: str
    """Where its frames come from, without a password."""
    model: str
    runtime: str
    detector: str
    labels: tuple[str, ...]
    purpose: str
    """What emotions are read for."""
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often a stage took how long."""

    counts: tuple[int, ...] = (0,) * len(BUCKETS)
    """A bucket, not cumulated."""
    seconds: float = 0.0
    """All together."""


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand at one moment."""

    about: About
    uptime_seconds: float
    detecting: bool
    """Whether frames are looked at."""
    preview: bool
    """Whether pictures may leave the process."""
    frames: int
    """Read so far."""
    dropped: int
    """Frames that were too old when the next one was wanted."""
    faces: int
    """In the newest frame."""
    frames_per_second: float
    openings: int
    """Of the camera: one, and one more for each try to have it back."""
    frame_age_seconds: float
    """Since the newest frame came; infinite before the first."""
    processed_age_seconds: float
    """Since the loop was last done with a frame; infinite before the first."""
    latency_seconds: float
    """Of the newest frame: from its being taken until its events were out."""
    last_frame_at: datetime | None
    events: Mapping[str, int]
    """Begun episodes so far, an emotion."""
    stages: Mapping[Stage, Histogram]
    classifier: ClassifierState
    outbox: OutboxState | None
    """None without a broker to store for."""
    broker: BrokerState | None
    """None where no broker is configured."""
    model: ModelState | None = None
    """Which installed model answers, and whether it is trusted."""
    slowed_by: tuple[str, ...] = ()
    """Why the board is slowed down, as its firmware calls it; empty if it is not."""


class Monitor:
    """Counts in the loop's thread, tells any thread.

    Args:
        about: what does not change.
        begun: when the daemon started.
        controls: what is switched on.
        classifier: tells its state.
        openings: tells how often the camera was opened.
        model: tells its state; None where it is not known.
        slowed_by: tells why the board is slowed down.
        outbox: tells its state; None where there is none.
        broker: tells its state; None where there is none.
    """

    def __init__(
        self,
        about: About,
        begun: Moment,
        controls: Controls,
        classifier: Callable[[], ClassifierState],
        *,
        openings: Callable[[], int] = lambda: 1,
        model: Callable[[], ModelState] | None = None,
        slowed_by: Callable[[], tuple[str, ...]] = tuple,
        outbox: Callable[[], OutboxState] | None = None,
        broker: Callable[[], BrokerState] | None = None,
    ) -> None:
        self._about = about
        self._begun = begun
        self._controls = controls
        self._classifier, self._model = classifier, model
        self._openings, self._slowed_by = openings, slowed_by
        self._outbox, self._broker = outbox, broker
        self._lock = threading.Lock()
        self._frames = self._dropped = self._faces = 0
        self._rate = self._rates = self._weight = 0.0
        self._last_seconds = -math.inf
        self._last_at: datetime | None = None
        self._processed_seconds = -math.inf
        self._latency_seconds = 0.0
        self._events: Counter[str] = Counter()
        self._counts: dict[Stage, list[int]] = defaultdict(lambda: [0] * len(BUCKETS))
        self._seconds: dict[Stage, float] = defaultdict(float)

    def arrive(self, frame: Frame, now: float) -> None:
        """Count a frame as it comes.

        Args:
            frame: the newest.
            now: seconds of ``time.monotonic``; a recording has a clock of its own.
        """
        with self._lock:
            if self._last_at is not None:
                passed = max(now - self._last_seconds, 1e-6)
                kept = math.exp(-passed / _RATE_SECONDS)
                self._rates = kept * self._rates + (1.0 - kept) / passed
                # Less than 1 in the first seconds: what a network camera had stored
                # comes within milliseconds then, and is not its rate.
                self._weight = kept * self._weight + 1.0 - kept
                self._rate = self._rates / self._weight
            self._last_seconds, self._last_at = now, frame.taken.at
            self._frames += 1
            self._dropped += frame.dropped

    def see(self, turn: Turn) -> None:
        """Count what came of a frame."""
        with self._lock:
            self._processed_seconds = turn.frame.taken.seconds + turn.age_seconds
            self._faces = len(turn.processed.faces)
            for event in turn.processed.events:
                if event.type is EventType.NEW:
                    self._events[event.emotion] += 1
            if not turn.processed.looked_at:
                return
            self._latency_seconds = turn.age_seconds
            for stage, seconds in turn.seconds.items():
                self._counts[stage][bisect.bisect_left(BUCKETS, seconds)] += 1
                self._seconds[stage] += seconds

    def status(self, now: Moment) -> Status:
        """Tell how things stand."""
        classifier = self._classifier()
        outbox = self._outbox() if self._outbox else None
        broker = self._broker() if self._broker else None
        with self._lock:
            return Status(
                about=self._about,
                uptime_seconds=now.seconds - self._begun.seconds,
                detecting=self._controls.detect,
                preview=self._controls.preview,
                frames=self._frames,
                dropped=self._dropped,
                faces=self._faces,
                frames_per_second=self._rate_at(now.seconds),
                openings=self._openings(),
                frame_age_seconds=now.seconds - self._last_seconds,
                processed_age_seconds=now.seconds - self._processed_seconds,
                latency_seconds=self._latency_seconds,
                last_frame_at=self._last_at,
                events=dict(self._events),
                stages={
                    stage: Histogram(tuple(counts), self._seconds[stage])
                    for stage, counts in self._counts.items()
                },
                classifier=classifier,
                outbox=outbox,
                broker=broker,
                model=self._model() if self._model else None,
                slowed_by=self._slowed_by(),
            )

    def _rate_at(self, seconds: float) -> float:
        """Return the mean rate, which falls while no frame comes."""
        if self._rate == 0.0:
            return 0.0
        waited = max(seconds - self._last_seconds, 0.0)
        # One frame may be on its way; only what is beyond its turn counts.
        overdue = max(waited - 1.0 / self._rate, 0.0)
        return self._rate * math.exp(-overdue / _RATE_SECONDS)
