"""A recording that is as long as a measurement needs it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.moment import Moment


class Repeated:
    """A recording that begins anew when it ends, so many frames in all.

    Time goes on evenly: what follows the last frame comes as long after it as the
    second frame came after the first.

    Args:
        open_again: opens the recording.
        count: frames to give.
    """

    def __init__(self, open_again: Callable[[], Camera], count: int) -> None:
        self._open = open_again
        self._left = count
        self._camera = open_again()
        self._shift = 0.0
        self._times: list[float] = []  # the first two of the recording
        self._last = 0.0

    def read(self, timeout_seconds: float) -> Frame | None:
        """Return the next frame, or raise EndOfFrames after the last one."""
        if not self._left:
            raise EndOfFrames
        try:
            frame = self._camera.read(timeout_seconds)
        except EndOfFrames:
            self._camera.close()
            self._camera = self._open()
            self._shift = self._last + self._pause() - self._times[0]
            frame = self._camera.read(timeout_seconds)
        if frame is None:
            return None
        taken = frame.taken
        if len(self._times) < 2:
            self._times.append(taken.seconds)
        self._left -= 1
        self._last = taken.seconds + self._shift
        later = taken.at + timedelta(seconds=self._shift)
        return replace(frame, taken=Moment(self._last, later))

    def close(self) -> None:
        """Close the recording."""
        self._camera.close()

    def _pause(self) -> float:
        return self._times[-1] - self._times[0] or 0.1
