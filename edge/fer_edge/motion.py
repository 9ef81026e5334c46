"""Where something is that was measured a moment ago, and how sure that is."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Motion:
    """A quantity that changes steadily: a Kalman filter of constant rate.

    It counts in seconds, so that it is the same at every frame rate: two advances by
    half a time are one by the whole.
    """

    value: float
    variance: float
    """Of the value."""
    rate_variance: float
    rate: float = 0.0
    """Change of the value a second."""
    covariance: float = 0.0
    """Of value and rate."""

    def advance(self, seconds: float, unrest: float) -> None:
        """Let time pass.

        Args:
            seconds: that pass.
            unrest: variance that the rate gains a second, in units of the value
                squared by seconds to the third power.
        """
        self.variance = self.variance_after(seconds, unrest)
        self.value += self.rate * seconds
        self.covariance += self.rate_variance * seconds + unrest * seconds**2 / 2.0
        self.rate_variance += unrest * seconds

    def variance_after(self, seconds: float, unrest: float) -> float:
        """Return what the variance of the value will be if it is not measured."""
        return (
            self.variance
            + 2.0 * self.covariance * seconds
            + self.rate_variance * seconds**2
            + unrest * seconds**3 / 3.0
        )

    def correct(self, measured: float, variance: float) -> None:
        """Take in a measurement of the value, and its variance."""
        surprise = measured - self.value
        total = self.variance + variance
        gain, rate_gain = self.variance / total, self.covariance / total
        self.value += gain * surprise
        self.rate += rate_gain * surprise
        self.rate_variance -= rate_gain * self.covariance
        self.covariance *= 1.0 - gain
        self.variance *= 1.0 - gain

    def deviation_after(self, seconds: float, unrest: float) -> float:
        """Return the standard deviation of the value after a time."""
        return math.sqrt(self.variance_after(seconds, unrest))
