"""The file of the outbox in all its troubles: refused, damaged, in use by another."""

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from fer_edge.moment import Moment
from fer_edge.outbox import Stored
from fer_edge.outbox.ageing import AgeClock, Reading
from fer_edge.outbox.aside import set_aside, with_companions
from fer_edge.outbox.budget import Budget
from fer_edge.outbox.database import DamagedError, DiskError, InUseError, told_apart
from fer_edge.outbox.reader import Reader
from fer_edge.outbox.schema import Row
from fer_edge.outbox.store import Store

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
        self._joined = False
        self._clock = AgeClock(0.0, begun.seconds)
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
        return self._opened(now).tally.seq

    def change(
        self, new: Sequence[Stored], gone: Collection[int], seq: int, now: Moment
    ) -> None:
        """Store and delete events; see ``Store.change``.

        A damaged file is set aside, and the new events go into another.

        Raises:
            DiskError: the disk does not take them.
        """
        with self._letting_go():
            try:
                self._change(new, gone, seq, now)
            except DamagedError as damage:
                self.events = max(self.events - len(gone), 0)
                with self._reading:
                    self._set_aside(damage, now)
                self._change(new, (), seq, now)

    def tend(self, seq: int, now: Moment) -> bool:
        """Drop what is too old and give back space; tell whether there is more to do.

        Raises:
            DiskError: the disk does not take it.
        """
        with self._letting_go():
            store = self._opened(now)
            try:
                if not self._spoilt and not store.overfull(self._read(now)):
                    return store.tidy()
            except DamagedError as damage:
                self._spoilt = damage
            self.change((), (), seq, now)
            return True

    def read(self, after: int, before: int, limit: int) -> list[Stored]:
        """Return the oldest events between two positions; none if they cannot be read.

        That is then seen to by the next change.
        """
        with self._reading:
            if self._reader is None:
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
        self._close_store()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        """After a failure leave nothing to write to, so that the next try begins anew.

        What can be read may still be, of a disk that is full.
        """
        try:
            yield
        except DamagedError as damage:
            self._close_store()
            raise DiskError(str(damage)) from damage
        except DiskError:
            self._close_store()
            raise

    def _opened(self, now: Moment) -> Store:
        if self._store is not None:
            return self._store
        with told_apart():
            if not self._path.parent.exists():
                self._path.parent.mkdir(parents=True)
            self._take_lock()
        # The log is emptied at the opening, for which nobody may read.
        with self._reading, self._letting_go():
            try:
                return self._open_file(now)
            except DamagedError as damage:
                self._set_aside(damage, now)
                return self._open_file(now)

    def _open_file(self, now: Moment) -> Store:
        with contextlib.ExitStack() as failing:
            store = Store(self._path, self._budget)
            failing.callback(store.close)
            self.events = store.tally.events
            if not self._joined:
                self._join(store, now)
                self._joined = True
            # Also where there is one: the file may be another than before.
            reader = Reader(self._path)
            self._close_reader()
            self._reader = reader
            if isinstance(self._spoilt, DiskError):
                self._spoilt = None
            failing.pop_all()
        self._store = store
        return store

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
        store = self._opened(now)
        spoilt, self._spoilt = self._spoilt, None
        if spoilt is not None:
            raise spoilt
        rows = [Row(s.position, self._clock.read(s.since), s.text) for s in new]
        self._lost += store.change(rows, gone, seq, self._read(now))
        self.events = store.tally.events
        if store.log_is_long():
            with self._reading:
                store.empty_log()

    def _read(self, now: Moment) -> Reading:
        return Reading(self._clock.read(now.seconds), now.at.timestamp())

    def _set_aside(self, damage: DamagedError, now: Moment) -> None:
        self._close_reader()
        self._close_store()
        self._spoilt = None
        with told_apart():
            target = set_aside(self._path, now.at)
        self._lost += self.events
        self.events = 0
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

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
