"""How long something takes, over any number of times, in memory that does not grow."""

import math

import numpy as np

_SHORTEST = 1e-7
"""Seconds; what is shorter counts as this long."""
_STEPS = 200
"""Of the histogram for each factor e: half a per cent each."""
_LONGEST = 1e4


class Durations:
    """A histogram of seconds with logarithmic steps, as HdrHistogram's.

    Percentiles are right to half a per cent, sums and counts exact.
    """

    def __init__(self) -> None:
        size = round(math.log(_LONGEST / _SHORTEST) * _STEPS) + 1
        self._counts = np.zeros(size, dtype=np.int64)
        self.total = 0.0
        """Seconds, of all together."""
        self.count = 0

    def add(self, seconds: float) -> None:
        """Take in one more."""
        place = round(math.log(max(seconds, _SHORTEST) / _SHORTEST) * _STEPS)
        self._counts[min(place, len(self._counts) - 1)] += 1
        self.total += seconds
        self.count += 1

    def percentile(self, share: float) -> float:
        """Return the seconds that this share of all, 0 to 1, does not exceed.

        Raises:
            ValueError: there is none yet.
        """
        if not self.count:
            raise ValueError("no duration was added")
        wanted = max(1, math.ceil(share * self.count))
        place = int(np.searchsorted(np.cumsum(self._counts), wanted))
        return _SHORTEST * math.exp(place / _STEPS)
