"""The file of the outbox in all its troubles: refused, damaged, in use by another."""

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from fer_edge.moment import Moment
from fer_edge.outbox import Stored
from fer_edge.outbox.ageing import AgeClock, Reading
from fer_edge.outbox.aside import set_aside, with_companions
from fer_edge.outbox.budget import Budget
from fer_edge.outbox.database import DamagedError, DiskError, InUseError, told_apart
from fer_edge.outbox.reader import Reader
from fer_edge.outbox.store import Row, Store

_LOGGER = logging.getLogger(__name__)

Claim = Callable[[int, int], int]
"""Told the positions of the first and last event of earlier runs; returns by how much
they must rise, so that none is that of an event of this run."""


class Disk:
    """Opens the file when it is needed, and again after a failure.

    One thread opens, writes and closes; any may read.

    Args:
        path: the file.
        budget: its bounds.
        begun: when this run began.
        claim: called at the first opening, before anything is read.
    """

    def __init__(self, path: Path, budget: Budget, begun: Moment, claim: Claim) -> None:
        self._path, self._budget = path, budget
        self._begun, self._claim = begun, claim
        self._lock: int | None = None
        self._store: Store | None = None
        self._clock: AgeClock | None = None
        self._reading = threading.Lock()
        self._reader: Reader | None = None
        self._spoilt: DiskError | DamagedError | None = None
        self.events = 0
        """In the file, as of the last change."""
        self._lost = 0

    @property
    def spoilt(self) -> bool:
        """Whether reading has failed since the last change."""
        return self._spoilt is not None

    def take_lost(self) -> int:
        """Return how many events had to go since this was last asked.

        Those of damaged files are among them.
        """
        lost, self._lost = self._lost, 0
        return lost

    def open(self, now: Moment) -> int:
        """Open the file where it is not.

        Returns:
            The ``seq`` of the last event that was stored.

        Raises:
            InUseError: another process has it.
            DiskError: the disk does not let it.
        """
        if self._store is None:
            with told_apart():
                if not self._path.parent.exists():
                    self._path.parent.mkdir(parents=True)
                self._take_lock()
            self._open(now)
        assert self._store is not None
        return self._store.tally.seq

    def change(
        self, new: Sequence[Stored], gone: Collection[int], seq: int, now: Moment
    ) -> None:
        """Store and delete events; see ``Store.change``.

        A damaged file is set aside, and the new events go into another.

        Raises:
            DiskError: the disk does not take them.
        """
        self.open(now)
        try:
            try:
                self._change(new, gone, seq, now)
            except DamagedError as damage:
                self._lost += max(self.events - len(gone), 0)
                self._set_aside(damage, now)
                self._open(now)
                self._change(new, (), seq, now)
        except DamagedError as damage:
            self._let_go()
            raise DiskError(str(damage)) from damage
        except DiskError:
            self._let_go()
            raise

    def tend(self, now: Moment) -> bool:
        """Drop what is too old and give back space; tell whether there is more to do.

        Raises:
            DiskError: the disk does not take it.
        """
        self.open(now)
        assert self._store is not None
        try:
            if self._spoilt or self._store.overfull(self._read_clock(now)):
                self.change((), (), 0, now)
                return True
            return self._store.tidy()
        except DamagedError as damage:
            # Seen to by the next change.
            self._spoilt = damage
            return True
        except DiskError:
            self._let_go()
            raise

    def read(self, after: int, before: int, limit: int) -> list[Stored]:
        """Return the oldest events between two positions; none if they cannot be read.

        That is then seen to by the next change.
        """
        with self._reading:
            if self._reader is None or self._clock is None:
                return []
            try:
                rows = self._reader.oldest(after, before, limit)
            except (DiskError, DamagedError) as failure:
                self._spoilt = failure
                self._close_reader()
                return []
            since = self._clock.since
            return [Stored(row.position, row.text, since(row.age)) for row in rows]

    def make_room(self, arrived: Collection[int]) -> bool:
        """Remove the file if nothing in it still waits; tell whether that was so.

        A disk that the outbox itself has filled has no room for the log either, through
        which alone events can be deleted.
        """
        with self._reading:
            if self._reader is None:
                return False
            try:
                if not self._reader.has_only(arrived):
                    return False
            except (DiskError, DamagedError) as failure:
                self._spoilt = failure
                return False
            self._close_reader()
            self._close_store()
            with contextlib.suppress(OSError):
                for path in with_companions(self._path):
                    path.unlink(missing_ok=True)
        self.events = 0
        return True

    def close(self) -> None:
        """Let go of the file."""
        with self._reading:
            self._close_reader()
        self._let_go()

    def _open(self, now: Moment) -> None:
        # The log is emptied at the opening, for which nobody may read.
        with self._reading, contextlib.ExitStack() as failing:
            try:
                store = Store(self._path, self._budget)
            except DamagedError as damage:
                self._rename(damage, now)
                store = self._new_store()
            failing.callback(store.close)
            if self._clock is None:
                self._join(store, now)
            # Also where there is one: the disk may be another than before.
            reader = Reader(self._path)
            self._close_reader()
            self._reader = reader
            self._store, self.events = store, store.tally.events
            failing.pop_all()

    def _new_store(self) -> Store:
        try:
            return Store(self._path, self._budget)
        except DamagedError as damage:
            raise DiskError(str(damage)) from damage

    def _join(self, store: Store, now: Moment) -> None:
        """Let this run begin where the last one ended."""
        last, first = store.tally.position, store.first()
        distance = self._claim(last + 1 if first is None else first, last)
        if first is not None and distance:
            store.shift(distance)
        self._clock = AgeClock.resume(store.tally.last, self._begun, now)

    def _change(
        self, new: Sequence[Stored], gone: Collection[int], seq: int, now: Moment
    ) -> None:
        spoilt, self._spoilt = self._spoilt, None
        if spoilt is not None:
            raise spoilt
        assert self._store is not None
        assert self._clock is not None
        rows = [Row(s.position, self._clock.read(s.since), s.text) for s in new]
        self._lost += self._store.change(rows, gone, seq, self._read_clock(now))
        self.events = self._store.tally.events
        if self._store.log_is_long():
            with self._reading:
                self._store.empty_log()

    def _read_clock(self, now: Moment) -> Reading:
        assert self._clock is not None
        return Reading(self._clock.read(now.seconds), now.at.timestamp())

    def _set_aside(self, damage: DamagedError, now: Moment) -> None:
        with self._reading:
            self._rename(damage, now)

    def _rename(self, damage: DamagedError, now: Moment) -> None:
        self._close_reader()
        self._close_store()
        with told_apart():
            target = set_aside(self._path, now.at)
        _LOGGER.warning(
            "outbox: %s: %s; set aside as %s, and a new file begun",
            self._path,
            damage,
            target,
        )

    def _take_lock(self) -> None:
        """Keep others out: not the curious, who may read, but a second daemon.

        The lock is on a file of its own. SQLite's are given up whenever any file
        descriptor of the database is closed, and this is none of theirs. It ends with
        the process, however that ends.
        """
        if self._lock is not None:
            return
        path = self._path.with_name(f"{self._path.name}.lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as other:
            os.close(lock)
            raise InUseError("another fer-edge keeps its events there") from other
        self._lock = lock

    def _let_go(self) -> None:
        """Leave nothing open that would keep a disk from being mounted anew."""
        self._close_store()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
