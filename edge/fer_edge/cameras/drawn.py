"""A camera where there is none: one drawn picture, again and again."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from fer_contract.quiet import native_messages_to_log
from fer_edge.cameras import Frame
from fer_edge.errors import CameraError
from fer_edge.moment import Moment


class Drawn:
    """A drawn person in a room, 640x480, 30 frames a second; never ends."""

    PATH = Path(__file__).parent.parent / "drawn.jpg"
    FRAMES_PER_SECOND = 30

    def __init__(self) -> None:
        with native_messages_to_log():
            pixels = cv2.imread(str(self.PATH), cv2.IMREAD_COLOR)
        if pixels is None:
            raise CameraError(f"{self.PATH}: missing or damaged; reinstall the package")
        self._pixels = np.asarray(pixels, np.uint8)
        self._count = 0

    def read(self, timeout_seconds: float) -> Frame:  # noqa: ARG002 - never waits
        """Return the next frame."""
        seconds = self._count / self.FRAMES_PER_SECOND
        self._count += 1
        at = datetime.fromtimestamp(seconds, UTC)
        return Frame(self._pixels, Moment(seconds, at))

    def close(self) -> None:
        """Nothing is open."""
