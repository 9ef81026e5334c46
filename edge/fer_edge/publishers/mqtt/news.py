"""What about the connection is worth a line in the log. Pure: time is given."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be said."""

    connected: bool
    text: str


class News:
    """Says each change once, not each try; and when all is quiet, what is so.

    A connection that comes and goes, or fails for two reasons in turn, is told of once
    a reason. All is new again after a connection that has stood for a while.

    Args:
        settled_seconds: such a while.
    """

    def __init__(self, settled_seconds: float) -> None:
        self._settled = settled_seconds
        self._now: Line | None = None
        self._since = 0.0
        self._said: Line | None = None
        self._told: set[str] = set()

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
        settled = now - self._since >= self._settled
        if settled and line.connected:
            self._told.clear()
        if line == self._said:
            return None
        turned = self._said is not None and self._said.connected != line.connected
        if line.text in self._told and not (settled and turned):
            return None
        self._told.add(line.text)
        self._said = line
        return line
