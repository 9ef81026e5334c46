"""A recording played as it was recorded: late frames are dropped, as a camera's are."""

import dataclasses
import time

from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.moment import Moment, read_clocks


class PacedReplay:
    """Gives each frame of a recording when its time has come.

    Args:
        recording: whose frames tell their times, from 0.
    """

    def __init__(self, recording: Camera) -> None:
        self._recording = recording
        self._begun: float | None = None
        self._next: Frame | None = None
        self._ended = False

    def read(self, timeout_seconds: float) -> Frame | None:
        """Return the newest frame that is due, waiting for it if need be.

        Its steady time is that of the clock, as a live camera's is; its wall time that
        of the recording.

        Raises:
            EndOfFrames: after the last frame.
            CameraError: the recording is damaged.
        """
        now = read_clocks().seconds
        if self._begun is None:
            self._begun = now
        until = now + timeout_seconds
        coming = self._peek()
        if coming is None:
            raise EndOfFrames
        wait = min(self._begun + coming.taken.seconds, until) - now
        if wait > 0:
            time.sleep(wait)
        elapsed = read_clocks().seconds - self._begun
        frame: Frame | None = None
        dropped = 0
        while (coming := self._peek()) and coming.taken.seconds <= elapsed:
            dropped += frame is not None
            frame, self._next = coming, None
        if frame is None:
            return None
        steady = self._begun + frame.taken.seconds
        return dataclasses.replace(
            frame, taken=Moment(steady, frame.taken.at), dropped=dropped
        )

    def close(self) -> None:
        """Let go of the recording."""
        self._recording.close()

    def _peek(self) -> Frame | None:
        """Return the next frame without giving it; None at the end."""
        if self._next is None and not self._ended:
            try:
                self._next = self._recording.read(0.0)
            except EndOfFrames:
                self._ended = True
        return self._next
