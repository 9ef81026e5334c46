"""Events on their way to the file and out of it again. No threads, no disk."""

from collections.abc import Collection, Iterable

from fer_edge.outbox import OutboxSettings, Stored
from fer_edge.outbox.memory import Queue


class Transit:
    """Which events are to be written, which are just being, and which to be deleted.

    The last are those that have arrived at the broker.

    Args:
        settings: the bounds of what is to be written.
    """

    def __init__(self, settings: OutboxSettings) -> None:
        self._pending = Queue(settings)
        self._underway: list[Stored] = []
        self._arrived: set[int] = set()
        # The disk said that it did not take them, and may have.
        self._doubtful: set[int] = set()

    @property
    def underway(self) -> bool:
        """Whether events are just being written."""
        return bool(self._underway)

    @property
    def pending(self) -> int:
        """Events that are to be written."""
        return len(self._pending)

    @property
    def in_memory(self) -> int:
        """Events of which it is not known that the file has them."""
        return len(self._pending) + len(self._underway)

    @property
    def arrived(self) -> frozenset[int]:
        """Positions of what is to be deleted."""
        return frozenset(self._arrived)

    @property
    def arrived_in_file(self) -> int:
        """How many of these the file has for certain."""
        return len(self._arrived - self._doubtful)

    @property
    def first(self) -> int | None:
        """Position of the oldest event in memory; None without any."""
        return self._underway[0].position if self._underway else self._pending.first

    def add(self, stored: Stored) -> None:
        """Take an event to be written."""
        self._pending.add(stored)

    def trim(self, now: float) -> int:
        """Drop what is beyond the bounds, and return how many events that were."""
        return self._pending.trim(now)

    def oldest(self, after: int, limit: int) -> list[Stored]:
        """Return the oldest events in memory behind a position."""
        underway = [
            stored
            for stored in self._underway
            if stored.position > after and stored.position not in self._arrived
        ]
        return (underway + self._pending.oldest(after, limit))[:limit]

    def arrive(self, positions: Iterable[int]) -> None:
        """Note events that the broker has."""
        for position in positions:
            if position not in self._pending or position in self._doubtful:
                self._arrived.add(position)
            self._pending.remove((position,))

    def next_gone(self, most: int) -> list[int]:
        """Return the oldest that are to be deleted."""
        return sorted(self._arrived)[:most]

    def begin(self, most_bytes: int) -> list[Stored]:
        """Return the oldest that are to be written; now they are under way."""
        self._underway = self._pending.take(most_bytes)
        return self._underway

    def succeed(self, gone: Collection[int]) -> None:
        """Note that what was under way is written, and that others are deleted."""
        self._arrived.difference_update(gone)
        self._doubtful.difference_update(gone)
        self._doubtful.difference_update(stored.position for stored in self._underway)
        self._underway = []

    def fail(self) -> None:
        """Note that what was under way is to be written once more."""
        for stored in self._underway:
            self._doubtful.add(stored.position)
            if stored.position not in self._arrived:
                self._pending.add(stored)
        self._underway = []

    def forget(self, positions: Collection[int]) -> None:
        """Note that a file is gone in which there was nothing but these."""
        self._arrived.difference_update(positions)
        self._doubtful.clear()
