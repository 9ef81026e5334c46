"""A point in time, as everything between camera and events tells it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time on two clocks."""

    seconds: float
    """Steady, for durations."""
    at: datetime
    """Of the wall, with its time zone, for people; may jump."""


def read_clocks() -> Moment:
    """Return this moment."""
    return Moment(time.monotonic(), datetime.now(UTC))
