"""What USB and network cameras have in common: OpenCV reads them."""

import os
from typing import Any

import cv2

from fer_edge.cameras.pixels import Picture
from fer_edge.errors import CameraLostError
from fer_edge.moment import Moment, read_clocks

# One in a while is passed over: a lost packet. Of a USB camera's OpenCV does not tell
# and gives the frame before once more; ``FreezeWatch`` sees it if that goes on.
_MOST_DAMAGED = 30

_SILENT = 0  # OpenCV's level of logging for nothing at all


class OpenCvDevice:
    """A camera that OpenCV has opened.

    Args:
        video: opened.
        name: what messages call it.
    """

    def __init__(self, video: cv2.VideoCapture, name: str) -> None:
        self._video = video
        self._name = name

    def capture(self) -> tuple[Picture, Moment]:
        """Wait for the next picture; the time is when it arrived.

        Raises:
            CameraLostError: the camera gives no more.
        """
        for _ in range(_MOST_DAMAGED):
            if not self._video.grab():
                raise CameraLostError(f"{self._name}: it gives no more frames")
            taken = read_clocks()
            there, picture = self._video.retrieve()
            if there:
                return picture, taken
        raise CameraLostError(f"{self._name}: its frames cannot be decoded")

    def close(self) -> None:
        """Let go of the camera."""
        self._video.release()


def silence() -> None:
    """Keep OpenCV and FFmpeg from writing to standard error.

    They do so at each damaged frame and each try, and some lines hold the URL with its
    password. FFmpeg's level is read from the environment, once, at its first use.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # In a module of its own only since 4.12, which needs numpy 2; with Debian 12's
    # picamera2 goes numpy 1.
    logging: Any = getattr(cv2.utils, "logging", cv2)
    logging.setLogLevel(_SILENT)
