"""Events on the disk; in memory while the disk does not take them."""

import logging
import math
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fer_edge.errors import ConfigurationError
from fer_edge.events import Event
from fer_edge.moment import Moment, read_clocks
from fer_edge.outbox import OutboxSettings, OutboxState, Stored
from fer_edge.outbox.budget import Budget
from fer_edge.outbox.database import DiskError, FullError, InUseError
from fer_edge.outbox.disk import Disk
from fer_edge.outbox.memory import Queue
from fer_edge.outbox.patience import Patience

_LOGGER = logging.getLogger(__name__)

# Events that have arrived are deleted with the next ones stored, or after this time. To
# wait spares the card a write for each; after a crash so many seconds of events are
# sent once more, marked as such.
_FORGET_SECONDS = 10.0

# How often is looked for events that have become too old.
_TEND_SECONDS = 60.0

# A disk may hang for ever, the end of the program must not.
_CLOSE_SECONDS = 10.0


class DurableOutbox:
    """An outbox that outlives the program and a power cut.

    A thread writes. Whatever has come while it wrote goes into one transaction with one
    sync, so the busier it is, the more events share what a sync costs.

    Where the disk fails, events wait in memory, within the same bounds, are served from
    there, and go to the disk when it takes them again. Those on a disk that cannot even
    be read are passed over, and served to whoever asks for the oldest after that.

    Args:
        path: the file; its folder is made if it is not there.
        settings: the bounds.
        clocks: tells the time.

    Raises:
        ConfigurationError: another process uses the file.
    """

    def __init__(
        self,
        path: Path,
        settings: OutboxSettings,
        clocks: Callable[[], Moment] = read_clocks,
    ) -> None:
        self._path, self._clocks = path, clocks
        self._budget = Budget.of(settings)
        now = clocks()
        self._disk = Disk(path, self._budget, now, self._claim)
        # Guards what follows; never held while the disk is at work.
        self._changed = threading.Condition()
        self._pending = Queue(settings)
        self._underway: list[Stored] = []
        self._confirmed: set[int] = set()
        # The disk said that it did not take them, and may have.
        self._doubtful: set[int] = set()
        self._position = self._seq = 0
        self._on_disk = self._dropped = 0
        self._wake: tuple[Callable[[], None], ...] = ()
        self._reason = ""
        self._patience = Patience()
        self._forget_at = math.inf
        self._tend_at = now.seconds
        self._closing = False
        self.last_seq = 0
        try:
            self.last_seq = self._seq = self._disk.open(now)
            self._on_disk = self._disk.events
        except InUseError as other:
            raise ConfigurationError(f"outbox.path: {path}; {other}") from other
        except DiskError as refusal:
            self._hold(refusal, now.seconds)
        # One that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    @property
    def state(self) -> OutboxState:
        """How things stand."""
        with self._changed:
            memory = len(self._pending) + len(self._underway)
            arrived = len(self._confirmed - self._doubtful)
            waiting = max(self._on_disk + memory - arrived, 0)
            return OutboxState(
                waiting, self._dropped, durable=not self._reason, reason=self._reason
            )

    def put(self, event: Event) -> None:
        """Take an event to be stored; returns at once, whatever the disk does."""
        text, now = event.to_json(), self._clocks().seconds
        with self._changed:
            self._position += 1
            self._seq = event.seq
            self._pending.add(Stored(self._position, text, now))
            self._dropped += self._pending.trim(now)
            refused = bool(self._reason)
            self._changed.notify_all()
        if refused:
            self._tell()

    def waiting(self, after: int, limit: int) -> Sequence[Stored]:
        """Return the oldest events behind a position, in order.

        They are on the disk, but for those that it refuses, which come last.
        """
        now = self._clocks().seconds
        with self._changed:
            known = frozenset(self._confirmed)
            memory, before = self._in_memory(after, limit, now)
        found: list[Stored] = []
        while len(found) < limit:
            stored = self._disk.read(after, before, limit)
            found += [one for one in stored if one.position not in known]
            if len(stored) < limit:
                break
            after = stored[-1].position
        if self._disk.spoilt:
            with self._changed:
                self._changed.notify_all()
        return (found + memory)[:limit]

    def confirm(self, positions: Iterable[int]) -> None:
        """Forget events that have arrived."""
        now = self._clocks().seconds
        with self._changed:
            if not self._confirmed:
                self._forget_at = now + _FORGET_SECONDS
            for position in positions:
                if position > self._position:
                    continue
                if position not in self._pending or position in self._doubtful:
                    self._confirmed.add(position)
                self._pending.remove((position,))
            self._changed.notify_all()

    def on_stored(self, wake: Callable[[], None]) -> None:
        """Have this called, by some thread, whenever events have been stored."""
        self._wake = (*self._wake, wake)

    def close(self) -> None:
        """Store what is under way, and let go of the file."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECONDS)
        with self._changed:
            lost = len(self._pending) + len(self._underway)
            reason = self._reason or "the disk does not answer"
        if lost:
            _LOGGER.warning(
                "outbox: %s: %s; %d events are lost", self._path, reason, lost
            )

    def _claim(self, first: int, last: int) -> int:
        with self._changed:
            distance = max(self._position - first + 1, 0)
            self._position = max(self._position, last + distance)
            return distance

    def _in_memory(
        self, after: int, limit: int, now: float
    ) -> tuple[list[Stored], int]:
        """Return what memory has to serve, and from which position on.

        Nothing while the disk does well: what is not yet on it has not happened.
        """
        if not self._reason:
            return [], sys.maxsize
        self._dropped += self._pending.trim(now)
        first = self._pending.first
        underway = [
            one
            for one in self._underway
            if one.position > after and one.position not in self._confirmed
        ]
        if self._underway:
            first = self._underway[0].position
        found = (underway + self._pending.oldest(after, limit))[:limit]
        return found, sys.maxsize if first is None else first

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as bug:
            # The loop goes on without a disk, and says so.
            with self._changed:
                self._put_back()
                self._reason = f"the writer has ended: {bug!r}"
            raise
        finally:
            self._disk.close()

    def _turn(self) -> bool:
        """Write what has come; tell whether to go on."""
        with self._changed:
            while (pause := self._due() - self._clocks().seconds) > 0.0:
                self._changed.wait(pause)
            now = self._clocks()
            closing = self._closing
            gone = sorted(self._confirmed)[: self._budget.removals]
            # On a full disk, what has arrived makes room for what is to be stored.
            if not (self._reason and gone):
                self._underway = self._pending.take(self._budget.share)
            new, seq = self._underway, self._seq
        try:
            if new or gone or self._reason:
                self._disk.change(new, gone, seq, now)
                more = True
            else:
                more = self._disk.tend(seq, now)
        except DiskError as refusal:
            with self._changed:
                self._put_back()
                self._hold(refusal, now.seconds)
            if isinstance(refusal, FullError):
                self._make_room()
            self._tell()
            return not closing
        with self._changed:
            self._settle(gone, now.seconds)
            self._tend_at = now.seconds + (0.0 if more else _TEND_SECONDS)
            left = self._pending or self._confirmed
        if new:
            self._tell()
        return bool(left) or not closing

    def _make_room(self) -> None:
        """Give up a file that fills the disk with what has arrived."""
        with self._changed:
            arrived = frozenset(self._confirmed)
        if arrived and self._disk.make_room(arrived):
            with self._changed:
                self._confirmed -= arrived
                self._doubtful.clear()
                self._on_disk = 0

    def _due(self) -> float:
        """Return when the writer is next to act."""
        if self._closing:
            return -math.inf
        if self._reason:
            return self._patience.due
        if (
            self._pending
            or self._disk.spoilt
            or len(self._confirmed) >= self._budget.removals
        ):
            return -math.inf
        return min(self._tend_at, self._forget_at if self._confirmed else math.inf)

    def _settle(self, gone: Iterable[int], now: float) -> None:
        """Take note that the disk has done what it was told."""
        new, self._underway = self._underway, []
        self._confirmed.difference_update(gone)
        self._doubtful.difference_update(gone, (stored.position for stored in new))
        self._forget_at = now + _FORGET_SECONDS
        self._on_disk = self._disk.events
        self._dropped += self._disk.take_lost()
        if self._reason and (new or not self._pending):
            self._reason = ""
            _LOGGER.info(
                "outbox: %s: takes events again, %d from memory",
                self._path,
                len(new) + len(self._pending),
            )

    def _put_back(self) -> None:
        for stored in self._underway:
            self._doubtful.add(stored.position)
            if stored.position not in self._confirmed:
                self._pending.add(stored)
        self._underway = []

    def _hold(self, refusal: DiskError, now: float) -> None:
        """Keep events in memory until it is time to try again."""
        if not self._reason:
            _LOGGER.warning(
                "outbox: %s: %s; events are kept in memory until that changes",
                self._path,
                refusal,
            )
        self._reason = str(refusal)
        self._patience = self._patience.after_failure(now)

    def _tell(self) -> None:
        for wake in self._wake:
            wake()
