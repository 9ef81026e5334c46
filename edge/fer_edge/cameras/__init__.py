"""Where frames come from."""

from dataclasses import dataclass
from typing import Protocol

from fer_contract.preprocess import Pixels
from fer_edge.moment import Moment


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture."""

    pixels: Pixels
    """uint8 (H, W, 3), BGR, 0-255."""
    taken: Moment
    dropped: int = 0
    """Frames that came since the one before this, and were too old to be given."""


class EndOfFrames(Exception):  # noqa: N818 - no error, like StopIteration
    """The last frame of a recording has been read."""


class Camera(Protocol):
    """Gives frames one after another."""

    def read(self, timeout_seconds: float) -> Frame | None:
        """Return the next frame, or None if none came within the time.

        Args:
            timeout_seconds: longest wait. A recording that is played as fast as
                possible never needs it; a live camera that has to be closed and
                opened again may need a second more.

        Raises:
            EndOfFrames: after the last frame of a recording, at every call.
            CameraError: it has none to give, and will not have one.
        """

    def close(self) -> None:
        """Let go of the device or file."""
