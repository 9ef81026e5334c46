"""When a disk that refused is tried again. Pure."""

import math
from dataclasses import dataclass

from fer_edge.pauses import pause_after

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often the disk has refused, and when it did so last."""

    failures: int = 0
    """In a row."""
    failed: float = -math.inf
    """Seconds on a steady clock."""

    @property
    def due(self) -> float:
        """When to try again."""
        pause = pause_after(self.failures, _FIRST_SECONDS, _LONGEST_SECONDS)
        return self.failed + pause

    def after_failure(self, now: float) -> "Patience":
        """Count a failure.

        It is the first again where the disk has done well for as long as the longest
        pause. So one that fails as soon as it works is not told of every second.
        """
        did_well = now - self.due >= _LONGEST_SECONDS
        return Patience(1 if did_well else self.failures + 1, now)
