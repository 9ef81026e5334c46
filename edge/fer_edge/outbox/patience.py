"""When a disk that refused is tried again. Pure."""

import math
from dataclasses import dataclass

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0
_DOUBLINGS = 30  # beyond which the longest pause has long been reached


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
        doublings = min(self.failures - 1, _DOUBLINGS)
        return self.failed + min(_FIRST_SECONDS * 2.0**doublings, _LONGEST_SECONDS)

    def after_failure(self, now: float) -> "Patience":
        """Count a failure.

        It is the first again where the disk has done well for as long as the longest
        pause. So one that fails as soon as it works is not told of every second.
        """
        did_well = now - self.due >= _LONGEST_SECONDS
        return Patience(1 if did_well else self.failures + 1, now)
