"""Where something is that was measured a moment ago, and how sure that is."""

import math
from dataclasses import dataclass

from fer_contract.preprocess import Box
from fer_edge.boxes import side_of

# Of the motion of a face, in sides of its box, from simulated people who walk, stop
# and turn (tests/edge/test_tracking_people.py).
_DETECTOR_ERROR = 0.05
"""Standard deviation of a detected centre."""
_FIRST_SPEED = 2.0
"""Standard deviation of the speed of a new face, a second."""
_UNREST = 4.0
"""Variance that the speed gains a second."""

# Of the logarithm of its side.
_SIZE_ERROR = 0.05
_FIRST_GROWTH = 0.5
_GROWTH_UNREST = 0.2
_MOST_GROWTH = 2.0
"""The side is expected within this factor of the last one that was found."""


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
        self.value = self.value_after(seconds)
        self.covariance += self.rate_variance * seconds + unrest * seconds**2 / 2.0
        self.rate_variance += unrest * seconds

    def value_after(self, seconds: float) -> float:
        """Return what the value will be if it is not measured."""
        return self.value + self.rate * seconds

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


class FaceMotion:
    """A face that moves in the frame, and comes nearer or goes away.

    Args:
        box: where it was found first.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        side = side_of(box)
        error, speed = (_DETECTOR_ERROR * side) ** 2, (_FIRST_SPEED * side) ** 2
        self._x = Motion(box.x + box.width / 2, error, speed)
        self._y = Motion(box.y + box.height / 2, error, speed)
        self._size = Motion(math.log(side), _SIZE_ERROR**2, _FIRST_GROWTH**2)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._x.advance(seconds, self._unrest)
        self._y.advance(seconds, self._unrest)
        self._size.advance(seconds, _GROWTH_UNREST)

    def correct(self, box: Box) -> None:
        """Take in where the face was found."""
        self._box = box
        error = (_DETECTOR_ERROR * side_of(box)) ** 2
        self._x.correct(box.x + box.width / 2, error)
        self._y.correct(box.y + box.height / 2, error)
        self._size.correct(math.log(side_of(box)), _SIZE_ERROR**2)

    def expected(self, seconds: float = 0.0) -> Box:
        """Return where the face is after a time, in the shape in which it was found."""
        most = math.log(_MOST_GROWTH)
        growth = self._size.value_after(seconds) - math.log(side_of(self._box))
        factor = math.exp(min(max(growth, -most), most))
        width, height = self._box.width * factor, self._box.height * factor
        x, y = self._x.value_after(seconds), self._y.value_after(seconds)
        return Box(x - width / 2, y - height / 2, width, height)

    def doubt(self, seconds: float = 0.0) -> float:
        """Return the standard deviation of its centre after a time, in sides."""
        deviation = self._x.deviation_after(seconds, self._unrest)
        return deviation / side_of(self._box)

    @property
    def _unrest(self) -> float:
        return _UNREST * side_of(self._box) ** 2
