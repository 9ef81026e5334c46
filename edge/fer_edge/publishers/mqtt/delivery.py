"""Which stored events are sent next, and which are done with. Pure: time is given."""

import json
import math

from fer_edge.outbox import Outbox, Stored

# A broker takes an event, or says why not. If it hangs up instead, again and again,
# with this event alone on its way, it is the event that it cannot bear.
_MOST_HANG_UPS = 3


class Delivery:
    """Sends every event until it is confirmed, in order, later ones marked so.

    One for the whole run, whatever connections come and go.

    Args:
        outbox: holds the events.
        pause_seconds: after which an event is sent again that is not wanted now.
    """

    def __init__(self, outbox: Outbox, pause_seconds: float) -> None:
        self._outbox = outbox
        self._pause = pause_seconds
        self._connected = math.inf
        self._position = 0
        """Of the last one sent in this pass."""
        self._furthest = 0
        """Of the last one ever sent by this run."""
        self._resume: float | None = None
        self._suspect = 0
        self._hang_ups = 0
        self.confirmed = 0
        """Events that have arrived, of this run."""
        self.refused = 0
        """Events given up, of this run."""

    @property
    def done(self) -> bool:
        """Whether no event waits, be it on its way or not."""
        return self._outbox.state.waiting == 0

    def begin(self, now: float) -> None:
        """Note a new connection: by it everything unconfirmed is sent, in order."""
        self._connected = now
        self._position = 0
        self._resume = None

    def next(self, most: int, flying: int, now: float) -> list[tuple[int, str]]:
        """Return the events to be sent, each with its position.

        Args:
            most: that may be on their way.
            flying: that are, not yet answered.
            now: steady time.
        """
        if self._resume is not None:
            if flying or now < self._resume:
                return []
            self._resume, self._position = None, 0
        room = (1 if self._suspect else most) - flying
        if room <= 0:
            return []
        found = self._outbox.waiting(self._position, room)
        events = [(stored.position, self._text(stored)) for stored in found]
        if found:
            self._position = found[-1].position
            self._furthest = max(self._furthest, self._position)
        return events

    def taken(self, positions: list[int]) -> None:
        """Note events that have arrived."""
        if positions:
            self._outbox.confirm(positions)
            self.confirmed += len(positions)
            self._suspect = self._hang_ups = 0

    def never(self, position: int) -> None:
        """Give up an event that the broker will not take."""
        self._outbox.confirm([position])
        self.refused += 1

    def later(self, now: float) -> None:
        """Note that the broker does not want events now; they stay where they are."""
        if self._resume is None:
            self._resume = now + self._pause

    def hung_up(self, flying: list[int]) -> bool:
        """Note that the broker hung up on events that were on their way.

        Returns:
            Whether the first of them was given up.
        """
        if not flying:
            return False
        first = min(flying)
        self._hang_ups = self._hang_ups + 1 if first == self._suspect else 1
        self._suspect = first
        if self._hang_ups <= _MOST_HANG_UPS:
            return False
        self._suspect = self._hang_ups = 0
        self.never(first)
        return True

    def _text(self, stored: Stored) -> str:
        """Return the event, marked if it comes later than it happened, or again."""
        late = stored.since < self._connected or stored.position <= self._furthest
        if not late:
            return stored.text
        values = json.loads(stored.text) | {"replayed": True}
        return json.dumps(values, separators=(",", ":"))
