"""A point in time, as everything between camera and events tells it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time on two clocks."""

    seconds: float
    """Steady, for durations."""
    at: datetime
    """Of the wall, with its time zone, for people; may jump."""
