"""A device that tells a broker of events, without camera and model."""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.events import Event, EventType
from fer_edge.moment import read_clocks
from fer_edge.monitor import About, Monitor, Status
from fer_edge.outbox import OutboxState, Stored
from fer_edge.publishers.mqtt.publisher import MqttPublisher
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings

ROOT = "fer/pi"

HASTY = MqttSettings(
    host="127.0.0.1",
    node="pi",
    answer_seconds=20.0,
    first_retry_seconds=0.1,
    longest_retry_seconds=0.2,
)
"""It never waits for long, but where a test is about waiting."""

CPU = ClassifierState(Device.CPU, 0.0)

_BEGUN = datetime(2024, 1, 1, 12, tzinfo=UTC)

ABOUT = About(
    version="1.2.3",
    node="pi",
    camera="door",
    source="rtsp://camera/…",
    model="compact",
    runtime="LiteRT 2.3.0",
    detector="YuNet",
    labels=("happy", "sad", "surprise", "neutral"),
    purpose="testing",
    started_at=_BEGUN,
)


def event(
    seq: int,
    emotion: str = "happy",
    *,
    kind: EventType = EventType.NEW,
    track: int = 1,
    episode: str = "",
) -> Event:
    """Make an event; every one is an episode of its own, unless one is named."""
    at = _BEGUN + timedelta(seconds=seq)
    return Event(
        type=kind,
        id=episode or f"door-{seq}",
        seq=seq,
        camera="door",
        track=track,
        emotion=emotion,
        score=0.9,
        scores={"happy": 0.9, "sad": 0.1},
        started_at=_BEGUN,
        at=at,
        ended_at=at if kind is EventType.END else None,
        dwell_seconds=1.0,
        replayed=False,
        model="compact",
    )


class ListOutbox:
    """Keeps events in a list, for one run after the other.

    Args:
        events: of an earlier run.
    """

    def __init__(self, events: Iterable[Stored] = ()) -> None:
        self._lock = threading.Lock()
        self._events = [replace(stored, since=-math.inf) for stored in events]
        self._position = max((one.position for one in self._events), default=0)
        self._wake: Callable[[], None] = lambda: None
        self.last_seq = 0

    @property
    def events(self) -> list[Stored]:
        """What waits."""
        with self._lock:
            return list(self._events)

    @property
    def state(self) -> OutboxState:
        """How things stand."""
        return OutboxState(len(self.events), 0, durable=True)

    def put(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            self._position += 1
            now = read_clocks().seconds
            self._events.append(Stored(self._position, event.to_json(), now))
        self._wake()

    def waiting(self, after: int, limit: int) -> Sequence[Stored]:
        """Return the oldest events behind a position."""
        return [one for one in self.events if one.position > after][:limit]

    def confirm(self, positions: Iterable[int]) -> None:
        """Forget events."""
        gone = set(positions)
        with self._lock:
            self._events = [one for one in self._events if one.position not in gone]

    def on_stored(self, wake: Callable[[], None]) -> None:
        """Have this called whenever there is a new event."""
        self._wake = wake

    def close(self) -> None:
        """Nothing is under way."""


class DeviceStage:
    """A daemon's publisher and what it looks at, running within the block.

    Args:
        settings: of the broker.
        home_assistant: whether that is told.
        outbox: what waits from before.
    """

    def __init__(
        self,
        settings: MqttSettings,
        home_assistant: HomeAssistantSettings | None = None,
        outbox: ListOutbox | None = None,
    ) -> None:
        self.outbox = outbox or ListOutbox()
        self.controls = Controls()
        self.classifier = CPU
        self.monitor = Monitor(
            ABOUT,
            read_clocks(),
            self.controls,
            lambda: self.classifier,
            outbox=lambda: self.outbox.state,
            broker=lambda: self.publisher.state,
        )
        self.publisher = MqttPublisher(
            settings,
            home_assistant or HomeAssistantSettings(),
            self.outbox,
            self.status,
            self.controls,
        )

    def __enter__(self) -> Self:
        self.publisher.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.publisher.close()

    @property
    def connected(self) -> bool:
        """Whether the broker takes events."""
        return self.publisher.state.connected

    def status(self) -> Status:
        """Return the daemon's status."""
        return self.monitor.status(read_clocks())

    def publish(self, numbers: Iterable[int]) -> None:
        """Publish an event a number."""
        for seq in numbers:
            self.publisher.publish(event(seq))
