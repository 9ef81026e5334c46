"""Where frames come from."""

from dataclasses import dataclass
from typing import Protocol

from fer_contract.preprocess import Pixels
from fer_edge.episodes import Moment


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture."""

    pixels: Pixels
    """uint8 (H, W, 3), BGR, 0-255."""
    taken: Moment


class Camera(Protocol):
    """Gives frames one after another."""

    def read(self) -> Frame | None:
        """Return the next frame, or None after the last one.

        Raises:
            CameraError: it has none to give, and will not have one.
        """

    def close(self) -> None:
        """Let go of the device or file."""
