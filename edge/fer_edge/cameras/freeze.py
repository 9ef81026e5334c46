"""A camera that repeats one frame to the last bit. Pure: time is given."""

import numpy as np

from fer_contract.preprocess import Pixels

_LOOK_SECONDS = 1.0  # a comparison a second costs nothing, one a frame a little
_LONGEST_SECONDS = 3600.0


class FreezeWatch:
    """Tells when a camera has repeated one frame for too long.

    If opening it again brought the same frame once more, the camera may well be right:
    it looks at the dark. So the time doubles, up to an hour, until another frame comes.

    Args:
        seconds: how long one frame is believed; 0 is for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._patience = seconds
        self._kept: Pixels | None = None
        self._since = 0.0
        self._looked = 0.0

    def frozen_for(self, pixels: Pixels, now: float) -> float:
        """Return how long this frame has been repeated, if that is too long.

        Returns:
            Seconds; 0 as long as all is well.
        """
        if not self._seconds or (
            self._kept is not None and now - self._looked < _LOOK_SECONDS
        ):
            return 0.0
        self._looked = now
        if self._kept is None or not np.array_equal(self._kept, pixels):
            # Whoever gets the frame may draw on it.
            self._kept = pixels.copy()
            self._since = now
            self._patience = self._seconds
            return 0.0
        frozen = now - self._since
        if frozen < self._patience:
            return 0.0
        self._since = now
        self._patience = min(2 * self._patience, max(_LONGEST_SECONDS, self._seconds))
        return frozen
