"""From the frame loop to the page's thread, without the one waiting for the other."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from fer_edge.events import Event
from fer_edge.web.reports import Look

MOST_EVENTS = 50
"""That are kept for the page; the oldest go."""


class Handover:
    """A place to leave things at, bounded, and locked for a few instructions only.

    Args:
        wake: called when there is something, and not again before it was taken.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._look: Look | None = None
        self._told = False

    def leave_event(self, event: Event) -> None:
        """Leave an event behind the others."""
        with self._lock:
            self._events.append(event)
            wake, self._told = not self._told, True
        if wake:
            self._wake()

    def leave_look(self, look: Look) -> None:
        """Leave what is seen now, instead of what was there before."""
        with self._lock:
            self._look = look
            wake, self._told = not self._told, True
        if wake:
            self._wake()

    def take(self) -> tuple[Sequence[Event], Look | None]:
        """Return all that there is; it is then no longer held here."""
        with self._lock:
            events, look = tuple(self._events), self._look
            self._events.clear()
            self._look = None
            self._told = False
        return events, look
