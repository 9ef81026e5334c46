"""When a broker that was lost is tried again. Pure: time and chance are given."""

import math

from fer_edge.pauses import pause_after


class Retries:
    """Twice the pause after each failure, up to the longest, less some by chance.

    Args:
        first_seconds: pause after the first failure.
        longest_seconds: longest pause. A connection that has stood for as long has
            failed for the first time when it fails next.
    """

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first, self._longest = first_seconds, longest_seconds
        self._failures = 0
        self._connected = math.inf
        self.due = -math.inf
        """When the next try may be."""

    def pause(self, now: float) -> float:
        """Return the seconds until then."""
        return max(0.0, self.due - now)

    def connected(self, now: float) -> None:
        """Note that the connection stands."""
        self._connected = now

    def failed(self, now: float, chance: float) -> None:
        """Note that it does not, or no more.

        Args:
            now: steady time.
            chance: 0 to 1, another each time, so that all the devices of a house do
                not come at once when its broker is back.
        """
        if now - self._connected >= self._longest:
            self._failures = 0
        self._failures += 1
        self._connected = math.inf
        pause = pause_after(self._failures, self._first, self._longest)
        self.due = now + pause * (1.0 - 0.5 * chance)
