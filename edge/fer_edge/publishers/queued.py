"""A publisher in a thread of its own, where it may stall and fail."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from fer_edge.events import Event
from fer_edge.publishers import Publisher

_LOGGER = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0

_LAST_SECONDS = 1.0
"""For a publisher to heed that it was closed."""


@dataclass(frozen=True, slots=True)
class QueuedState:
    """How a publisher does."""

    waiting: int
    """Events not yet handed on."""
    handed_on: int
    dropped: int
    """Events that it never got."""
    reason: str = ""
    """What is wrong with it now; empty if nothing is."""


class Queued:
    """Takes events at once and hands them on, in order, when the publisher can.

    An event that fails by an OSError is tried again, with longer and longer pauses,
    while the others wait; when too many do, the oldest go. Only a reader that has gone
    away does not come back: then the publisher gets no more. A failure is logged when
    it begins and when it is over.

    Args:
        name: what messages call it: its section of the configuration.
        publisher: may block, fail and be closed while it publishes, which ends that.
        limit: events that may wait.
        wants: tells which events concern it; all if not given.
        closing_seconds: for what waits to be handed on at the end.
    """

    def __init__(
        self,
        name: str,
        publisher: Publisher,
        *,
        limit: int = 1000,
        wants: Callable[[Event], bool] | None = None,
        closing_seconds: float = 3.0,
    ) -> None:
        self.name = name
        self._publisher = publisher
        self._limit = limit
        self._wants = wants
        self._closing_seconds = closing_seconds
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._closing = self._ended = False
        self._handed_on = self._dropped = self._dropped_before = 0
        self._reason = ""
        self._thread = threading.Thread(
            target=self._work, name=f"fer-edge {name}", daemon=True
        )
        self._thread.start()

    @property
    def state(self) -> QueuedState:
        """How things stand."""
        with self._changed:
            waiting = len(self._waiting)
            return QueuedState(waiting, self._handed_on, self._dropped, self._reason)

    def publish(self, event: Event) -> None:
        """Have an event handed on; returns at once."""
        if self._wants is not None and not self._wants(event):
            return
        with self._changed:
            if self._ended:
                self._dropped += 1
                return
            if len(self._waiting) >= self._limit:
                self._complain(f"{self._limit:,} events wait", "the oldest are dropped")
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(event)
            self._changed.notify()

    def close(self) -> None:
        """Hand on what waits, within a bounded time, and close the publisher."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(self._closing_seconds)
        with self._changed:
            self._end()
        self._publisher.close()
        self._thread.join(_LAST_SECONDS)
        if lost := self.state.dropped:
            _LOGGER.warning(
                "%s: events that never got there: %s", self.name, f"{lost:,}"
            )

    def _work(self) -> None:
        while (event := self._next()) is not None:
            self._hand_on(event)

    def _next(self) -> Event | None:
        with self._changed:
            if not self._waiting:
                self._recover()
            self._changed.wait_for(
                lambda: self._waiting or self._closing or self._ended
            )
            return self._waiting.popleft() if self._waiting else None

    def _hand_on(self, event: Event) -> None:
        """Try until it succeeds, or there is no use in trying."""
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                self._publisher.publish(event)
            except OSError as failure:
                with self._changed:
                    if not self._retry(failure, pause):
                        self._dropped += 1
                        self._end()
                        return
                pause = min(2.0 * pause, _LONGEST_RETRY_SECONDS)
            else:
                with self._changed:
                    self._handed_on += 1
                return

    def _retry(self, failure: OSError, pause: float) -> bool:
        """Wait for the next try; return whether there is to be one."""
        reason = failure.strerror or str(failure)
        if isinstance(failure, BrokenPipeError):
            self._complain(reason, "it gets no more events")
            return False
        self._complain(reason, f"trying again; {self._limit:,} events can wait")
        return not self._changed.wait_for(lambda: self._closing, pause)

    def _complain(self, reason: str, consequence: str) -> None:
        """Say what goes wrong, once until it is over."""
        if not self._reason:
            self._reason, self._dropped_before = reason, self._dropped
            _LOGGER.warning("%s: %s; %s", self.name, reason, consequence)

    def _recover(self) -> None:
        """Say that nothing goes wrong any more, now that nothing waits."""
        if self._reason and not self._ended:
            lost = self._dropped - self._dropped_before
            _LOGGER.warning("%s: works again; events lost: %s", self.name, f"{lost:,}")
            self._reason = ""

    def _end(self) -> None:
        self._ended = True
        self._dropped += len(self._waiting)
        self._waiting.clear()
