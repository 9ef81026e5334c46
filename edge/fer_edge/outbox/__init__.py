"""Events on their way to a broker: stored until it has confirmed them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fer_edge.events import Event
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """``[outbox]``."""

    durable: bool = option(True)
    """Whether events are kept on the disk, and so outlive the program and a power cut.
    Without it they are kept in memory, within the same bounds."""
    path: str = option("")
    """File; empty for outbox.sqlite in the state directory."""
    max_events: int = option(100_000, low=100, high=500_000)
    """The oldest beyond are dropped, and counted."""
    max_megabytes: float = option(64.0, low=1.0, high=1000.0)
    """Of the file with all that SQLite puts beside it; the oldest events beyond are
    dropped, and counted."""
    max_age_hours: float = option(168.0, low=0.01, high=87_600.0)
    """Older events are dropped, and counted. Time for which the device was off counts as
    far as its clock is right."""


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How things stand, for the status."""

    waiting: int
    """Events not yet confirmed."""
    dropped: int
    """Events that had to go, of this run."""
    durable: bool
    """Whether the next event goes to the disk."""
    reason: str = ""
    """Why not, where it should; empty else."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that waits."""

    position: int
    """Rises with every event."""
    text: str
    """The event as JSON, a line."""
    since: float
    """Seconds of ``time.monotonic`` at which it was stored; minus infinity where that
    was in an earlier run."""


class Outbox(Protocol):
    """Keeps events in order until they are confirmed.

    Every method may be called by any thread.
    """

    last_seq: int
    """Of the last event that an earlier run has stored; 0 if there was none."""

    @property
    def state(self) -> OutboxState:
        """How things stand."""

    def put(self, event: Event) -> None:
        """Take an event to be stored; returns at once, whatever the disk does."""

    def waiting(self, after: int, limit: int) -> Sequence[Stored]:
        """Return the oldest events behind a position, stored for good, in order."""

    def confirm(self, positions: Iterable[int]) -> None:
        """Forget events that have arrived."""

    def on_stored(self, wake: Callable[[], None]) -> None:
        """Have this called, by some thread, whenever events have been stored."""

    def close(self) -> None:
        """Store what is under way, and let go of the file."""
