"""OpenCV's Haar cascade for frontal faces."""

import math
from collections.abc import Iterator
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

    # From one size to the next, and how many windows must agree. What one of 30 % steps
    # proposes, three of 10 % confirm in its neighbourhood: in half the time of five of
    # 10 % in the whole frame it finds 66 % instead of 64 % of 240 faces.
    _STEP = 1.3
    _NEIGHBOURS = 1
    _NEAR_STEP = 1.1
    _NEAR_NEIGHBOURS = 3

    # Of a neighbourhood, in pixels. Near 180 of those faces, expected a tenth of their
    # side off, 99 % of what a whole frame shows was found, and 22 % of what it does
    # not; in a neighbourhood of 80 pixels 96 and 15 %.
    _NEAR_SIDE = 100
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
        boxes = self._found(small, self._STEP, self._NEIGHBOURS, self._smallest * scale)
        proposals = distinct(
            square(x / scale, y / scale, side / scale) for x, y, side in boxes
        )
        return distinct(box for face in proposals for box in self.near(frame, face))

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        """Return a square for every face near a known one and about as large."""
        view = neighbourhood(frame, box, self._NEAR_SIDE)
        side = self._NEAR_SIDE / 2
        smallest = max(side / self._NEAR_RANGE, self._smallest * view.scale)
        found = self._found(
            view.pixels,
            self._NEAR_STEP,
            self._NEAR_NEIGHBOURS,
            smallest,
            side * self._NEAR_RANGE,
        )
        return distinct(view.square(*face) for face in found)

    def _found(
        self,
        pixels: Pixels,
        step: float,
        neighbours: int,
        smallest: float,
        largest: float = math.inf,
    ) -> Iterator[tuple[float, float, float]]:
        """Yield centre and side of the square of each face, in these pixels."""
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
        least = round(smallest / self._SIDE)
        most = round(min(largest / self._SIDE, max(grey.shape)))
        if least > most:
            return
        found = self._cascade.detectMultiScale(
            grey,
            scaleFactor=step,
            minNeighbors=neighbours,
            minSize=(least, least),
            maxSize=(most, most),
        )
        for x, y, width, height in found:
            yield x + width / 2, y + height / 2, width * self._SIDE
