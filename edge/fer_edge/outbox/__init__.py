"""Events on their way to a broker: stored until it has confirmed them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fer_edge.events import Event
from fer_edge.options import option
from fer_edge.state import state_directory


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """Where events wait until the broker has confirmed them."""

    durable: bool = option(True)
    """Whether they wait on the disk, where they outlive the program and a power cut, or
    in memory. A disk that is full or fails is not waited for: they are then kept in
    memory until it takes them again."""
    path: str = option("", example="/mnt/stick/outbox.sqlite")
    """The file; empty for outbox.sqlite in the state directory, /var/lib/fer-edge under
    systemd."""
    max_events: int = option(100_000, low=100, high=500_000)
    """Most events that wait. The oldest beyond are dropped and counted. An event takes
    about 400 bytes."""
    max_megabytes: float = option(64.0, low=1.0, high=1000.0)
    """Most space that the file and what SQLite puts beside it take, in megabytes of
    1000000 bytes. The oldest events beyond are dropped and counted."""
    max_age_hours: float = option(168.0, low=0.01, high=87_600.0)
    """Age at which events are dropped and counted. The time for which the device was
    off counts as far as its clock is right; to set the clock makes no event older."""

    @property
    def file(self) -> Path:
        """The file that is meant."""
        return Path(self.path) if self.path else state_directory() / "outbox.sqlite"


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
