"""What about the connection is worth a line in the log. Pure: time is given."""

from dataclasses import dataclass

# Of a connection that comes and goes, before it is quiet about it.
_MOST_TURNS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be said."""

    connected: bool
    text: str


RESTLESS = Line(
    connected=False,
    text="comes and goes, which is told no more until it rests; does another device "
    "have this mqtt.node?",
)
"""Said once before it becomes quiet.

Of two clients by one name a broker throws out each when the other comes, and not every
broker says so: mosquitto 2.0 does not.
"""


class News:
    """Says each change once, not each try.

    An outage is told of with each of its reasons once. A connection that comes and
    goes is told of a few times, as that, and then when it has come to rest.

    Args:
        settled_seconds: after which it has.
    """

    def __init__(self, settled_seconds: float) -> None:
        self._settled = settled_seconds
        self._now: Line | None = None
        self._since = 0.0
        self._said: Line | None = None
        self._reasons: set[str] = set()
        self._turns = 0
        self.restless = False
        """Whether it comes and goes."""

    def note(self, line: Line, now: float) -> None:
        """Take in how things stand."""
        if self._now is None or self._now.connected != line.connected:
            self._since = now
        self._now = line

    def due(self, now: float) -> Line | None:
        """Return what is to be said now."""
        line = self._now
        if line is None:
            return None
        if now - self._since >= self._settled:
            self._turns = 0
            if self.restless:
                # How it stands is the end of that, and to be told as such.
                self.restless, self._said = False, None
            if line.connected:
                self._reasons.clear()
        if line == self._said:
            return None
        if self._said is None or self._said.connected != line.connected:
            if self._turns == _MOST_TURNS:
                quiet, self.restless = self.restless, True
                return None if quiet else RESTLESS
            self._turns += 1
        elif line.text in self._reasons:
            return None
        self._reasons.add(line.text)
        self._said = line
        return line
