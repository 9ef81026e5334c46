"""Events kept in memory only."""

import threading
from collections.abc import Callable, Iterable, Sequence

from fer_edge.events import Event
from fer_edge.moment import Moment, read_clocks
from fer_edge.outbox import OutboxSettings, OutboxState, Stored
from fer_edge.outbox.budget import MEGABYTE

# What an event costs beside its text: the text's own head, the record, two numbers and
# a place in a table (CPython 3.11, 64 bits: 49 + 56 + 56 + 104 bytes).
_OVERHEAD_BYTES = 265


class Queue:
    """Events in order, within bounds: the oldest beyond them are dropped.

    Not to be used by two threads at once.

    Args:
        settings: the bounds.
    """

    def __init__(self, settings: OutboxSettings) -> None:
        self._max_events = settings.max_events
        self._max_bytes = settings.max_megabytes * MEGABYTE
        self._max_seconds = settings.max_age_hours * 3600.0
        # By position. Events may be missing in between, never much of a stretch.
        self._events: dict[int, Stored] = {}
        self._first, self._last = 1, 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, position: int) -> bool:
        return position in self._events

    @property
    def first(self) -> int | None:
        """Position of the oldest; None without any."""
        while self._events and self._first not in self._events:
            self._first += 1
        return self._first if self._events else None

    def add(self, stored: Stored) -> None:
        """Take an event, which may be older than what is there."""
        if self._events:
            self._first = min(self._first, stored.position)
            self._last = max(self._last, stored.position)
        else:
            self._first = self._last = stored.position
        self._events[stored.position] = stored
        self._bytes += len(stored.text) + _OVERHEAD_BYTES

    def trim(self, now: float) -> int:
        """Drop what is beyond the bounds, and return how many events that were."""
        dropped = 0
        while (first := self.first) is not None and (
            len(self._events) > self._max_events
            or self._bytes > self._max_bytes
            or now - self._events[first].since > self._max_seconds
        ):
            self.remove((first,))
            dropped += 1
        return dropped

    def oldest(self, after: int, limit: int) -> list[Stored]:
        """Return the oldest events behind a position."""
        found: list[Stored] = []
        first = self.first
        if first is None:
            return found
        for position in range(max(first, after + 1), self._last + 1):
            if len(found) == limit:
                break
            if (stored := self._events.get(position)) is not None:
                found.append(stored)
        return found

    def take(self, most_bytes: float) -> list[Stored]:
        """Remove the oldest events, of so many bytes together, but at least one."""
        taken: list[Stored] = []
        while (first := self.first) is not None:
            most_bytes -= len(self._events[first].text)
            if taken and most_bytes < 0:
                break
            taken.append(self._events[first])
            self.remove((first,))
        return taken

    def remove(self, positions: Iterable[int]) -> None:
        """Forget events; of those that are not there, nothing is said."""
        for position in positions:
            stored = self._events.pop(position, None)
            if stored is not None:
                self._bytes -= len(stored.text) + _OVERHEAD_BYTES


class MemoryOutbox:
    """An outbox that ends with the program.

    Args:
        settings: the bounds.
        clocks: tells the time.
    """

    last_seq = 0

    def __init__(
        self, settings: OutboxSettings, clocks: Callable[[], Moment] = read_clocks
    ) -> None:
        self._clocks = clocks
        self._lock = threading.Lock()
        self._queue = Queue(settings)
        self._position = 0
        self._dropped = 0
        self._wake: tuple[Callable[[], None], ...] = ()

    @property
    def state(self) -> OutboxState:
        """How things stand."""
        with self._lock:
            return OutboxState(len(self._queue), self._dropped, durable=False)

    def put(self, event: Event) -> None:
        """Take an event."""
        text, now = event.to_json(), self._clocks().seconds
        with self._lock:
            self._position += 1
            self._queue.add(Stored(self._position, text, now))
            self._dropped += self._queue.trim(now)
        for wake in self._wake:
            wake()

    def waiting(self, after: int, limit: int) -> Sequence[Stored]:
        """Return the oldest events behind a position, in order."""
        now = self._clocks().seconds
        with self._lock:
            self._dropped += self._queue.trim(now)
            return self._queue.oldest(after, limit)

    def confirm(self, positions: Iterable[int]) -> None:
        """Forget events that have arrived."""
        with self._lock:
            self._queue.remove(positions)

    def on_stored(self, wake: Callable[[], None]) -> None:
        """Have this called whenever there is a new event, in the thread of ``put``."""
        self._wake = (*self._wake, wake)

    def close(self) -> None:
        """What waits is lost."""
