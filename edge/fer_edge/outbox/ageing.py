"""How old an event is, by clocks of which one jumps and one forgets. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fer_edge.moment import Moment

# A Pi has no clock that runs while it is off. Without a network it wakes in 1970, or
# where it last was; a wall clock before this code was written says nothing.
_PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC).timestamp()

# Lies between the last event of a run and the first of the next, whatever they say.
_RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks, when a file was last written."""

    age: float
    """The outbox's own, see ``AgeClock``."""
    wall: float
    """Seconds since 1970, as far as was known."""


@dataclass(frozen=True, slots=True)
class AgeClock:
    """Counts the seconds that an outbox has lived, over all runs.

    While a program runs it goes with the steady clock. So a wall clock that is set, by
    56 years perhaps, makes no event older. Only for the time between two runs the wall
    clock is asked, and believed where it may be right; else that time counts nothing.
    An event is rather sent late than lost to a wrong clock.
    """

    begun: float
    """Its reading at the beginning of this run; all earlier runs' are below."""
    steady: float
    """The steady clock's, seconds, at that moment."""

    @classmethod
    def resume(cls, last: Reading, begun: Moment, now: Moment) -> "AgeClock":
        """Go on from what a file says.

        Args:
            last: when it was written; zeros where it is new.
            begun: when this run began.
            now: may be later, where the file could not be opened before.
        """
        wall = now.at.timestamp() - (now.seconds - begun.seconds)
        known = min(last.wall, wall) >= _PLAUSIBLE
        off = max(wall - last.wall, 0.0) if known else 0.0
        return cls(last.age + off + _RESTART_SECONDS, begun.seconds)

    def read(self, seconds: float) -> float:
        """Return its reading at a time of the steady clock, in seconds."""
        return self.begun + (seconds - self.steady)

    def since(self, age: float) -> float:
        """Return the steady time of a reading; minus infinity for an earlier run's."""
        if age < self.begun:
            return float("-inf")
        return self.steady + (age - self.begun)
