"""OpenCV's Haar cascade for frontal faces."""

from pathlib import Path

import cv2

from fer_contract.errors import FerError
from fer_contract.preprocess import Box, Pixels
from fer_edge.boxes import distinct

from .framing import neighbourhood, smaller, square

# In the pip package, and where Debian's opencv-data puts them (32-bit ARM).
_FOLDERS = (
    Path(cv2.__file__).parent / "data",
    Path("/usr/share/opencv4/haarcascades"),
)


class HaarDetector:
    """Needs no download.

    Args:
        min_face_pixels: side of the smallest face that counts.
        detection_pixels: longer side of the frame in which faces are sought.
    """

    name = "haar"

    # On 204 validation faces of FER2013, pasted enlarged into scenes, it found as many
    # as frontalface_default (52 %), with no false box instead of 4, in less time.
    _FILE = "haarcascade_frontalface_alt2.xml"
    _SIDE = 1.04  # of the FER2013 square, in sides of the cascade's box

    # Pixels that a face must keep when the frame is scaled down. The cascade's window
    # has 20, but of 80 faces that it finds 51 of at 100 pixels it found 45 at 50, 22 at
    # 30 and 9 at 20.
    _LEAST_FACE = 30

    # Of a neighbourhood, in pixels. Near 180 of those validation faces, expected a
    # tenth of their side off, it found 99 % of what the whole frame of 480 shows, and
    # 22 % of what it does not; of a neighbourhood of 80 it found 96 and 15 %.
    _NEAR_SIDE = 100
    # Rectangles that must agree: in a whole frame, and where a face is known to be.
    _NEIGHBOURS = 5
    _NEAR_NEIGHBOURS = 3
    # A face near a known one is so many times smaller or larger at most.
    _NEAR_RANGE = 1.5

    def __init__(self, min_face_pixels: int, detection_pixels: int) -> None:
        self._smallest = min_face_pixels
        self._longest = detection_pixels
        paths = [folder / self._FILE for folder in _FOLDERS]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise FerError(f"{paths[0]}: missing; reinstall opencv-python-headless")
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, frame: Pixels) -> list[Box]:
        """Return a square for every face."""
        small, scale = smaller(frame, self._longest, self._LEAST_FACE / self._smallest)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        smallest = round(self._smallest * scale / self._SIDE)
        found = self._cascade.detectMultiScale(
            grey,
            scaleFactor=1.1,
            minNeighbors=self._NEIGHBOURS,
            minSize=(smallest, smallest),
        )
        return distinct(
            square(
                (x + width / 2) / scale,
                (y + height / 2) / scale,
                width * self._SIDE / scale,
            )
            for x, y, width, height in found
        )

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        """Return a square for every face near a known one and about as large."""
        view = neighbourhood(frame, box, self._NEAR_SIDE)
        grey = cv2.equalizeHist(cv2.cvtColor(view.pixels, cv2.COLOR_BGR2GRAY))
        side = self._NEAR_SIDE / 2 / self._SIDE
        least = max(side / self._NEAR_RANGE, self._smallest * view.scale / self._SIDE)
        smallest, largest = round(least), round(side * self._NEAR_RANGE)
        if smallest > largest:
            return []
        found = self._cascade.detectMultiScale(
            grey,
            scaleFactor=1.1,
            minNeighbors=self._NEAR_NEIGHBOURS,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
        )
        return distinct(
            view.square(x + width / 2, y + height / 2, width * self._SIDE)
            for x, y, width, height in found
        )
