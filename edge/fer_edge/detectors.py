"""Where the faces are: frame in, square boxes out.

Detectors draw their boxes differently. Each one here returns the square that FER2013
would have cut, which is how training faces are framed; measured by detecting FER2013
faces pasted into scenes of 640x480.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from fer_contract.errors import FerError
from fer_contract.preprocess import Box, Pixels
from fer_contract.quiet import native_messages_to_log
from fer_edge.names import is_utf8
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """``[faces]``."""

    detector: str = option("auto", one_of=("auto", "yunet", "haar"))
    """``yunet`` is faster and finds more; ``haar`` needs no file. ``auto`` is yunet
    where ``yunet_model`` is set."""
    yunet_model: str = option("")
    """Path of face_detection_yunet_2023mar.onnx (OpenCV's zoo, MIT)."""
    min_face_pixels: int = option(48, low=16, high=2000)
    """Side of the smallest face that counts; less than the model's input is blur."""


# In the pip package, and where Debian's opencv-data puts them (32-bit ARM).
_HAAR_FOLDERS = (
    Path(cv2.__file__).parent / "data",
    Path("/usr/share/opencv4/haarcascades"),
)


class Detector(Protocol):
    """Finds faces."""

    name: str

    def detect(self, frame: Pixels) -> list[Box]:
        """Return a square for every face.

        Args:
            frame: uint8 (H, W, 3), BGR.
        """


class HaarDetector:
    """OpenCV's Haar cascade for frontal faces; needs no download."""

    name = "haar"

    # On 204 validation faces of FER2013, pasted enlarged into scenes, it found as many
    # as frontalface_default (52 %), with no false box instead of 4, in less time.
    _FILE = "haarcascade_frontalface_alt2.xml"
    _SIDE = 1.04  # of the FER2013 square, in sides of the cascade's box

    def __init__(self, min_face_pixels: int) -> None:
        self._smallest = round(min_face_pixels / self._SIDE)
        paths = [folder / self._FILE for folder in _HAAR_FOLDERS]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise FerError(f"{paths[0]}: missing; reinstall opencv-python-headless")
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, frame: Pixels) -> list[Box]:
        """Return a square for every face."""
        grey = cv2.equalizeHist(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        found = self._cascade.detectMultiScale(
            grey,
            scaleFactor=1.1,
            minNeighbors=5,
            minSize=(self._smallest, self._smallest),
        )
        return [
            _square(x + width / 2, y + height / 2, width * self._SIDE)
            for x, y, width, height in found
        ]


class YuNetDetector:
    """YuNet through OpenCV, a small convolutional network."""

    name = "yunet"

    _SCORE = 0.7  # least score of a face, 0 to 1
    _SIDE = 1.0  # of the FER2013 square, in heights of YuNet's box

    # Pixels. In a frame of 32 rows or columns OpenCV 4.14 reports what it finds beyond
    # its buffers: boxes up to infinite size, other ones each time.
    _LEAST_FRAME_SIDE = 33

    def __init__(self, model: Path, min_face_pixels: int) -> None:
        self._smallest = min_face_pixels
        if not model.is_file():
            raise FerError(f"faces.yunet_model: {model}: no such file")
        if not is_utf8(model):
            raise FerError(f"faces.yunet_model: {model}: the name is not UTF-8")
        try:
            with native_messages_to_log():
                self._network = cv2.FaceDetectorYN.create(
                    str(model), "", (320, 320), score_threshold=self._SCORE
                )
        except cv2.error as mistake:
            raise FerError(
                f"faces.yunet_model: {model}: OpenCV cannot read it as YuNet"
            ) from mistake

    def detect(self, frame: Pixels) -> list[Box]:
        """Return a square for every face."""
        height, width = frame.shape[:2]
        if min(height, width) < self._LEAST_FRAME_SIDE:
            return []
        self._network.setInputSize((width, height))
        found: Any = self._network.detect(frame)[1]  # None, or (N, 15)
        rows = [] if found is None else found[:, :4].tolist()  # x, y, width, height
        return [
            _square(x + w / 2, y + h / 2, h * self._SIDE)
            for x, y, w, h in rows
            if h * self._SIDE >= self._smallest
        ]


def make_detector(settings: DetectorSettings) -> Detector:
    """Make the detector that the settings ask for.

    Raises:
        FerError: its model is missing or cannot be read.
    """
    wanted = settings.detector
    if wanted == "yunet" or (wanted == "auto" and settings.yunet_model):
        return YuNetDetector(Path(settings.yunet_model), settings.min_face_pixels)
    return HaarDetector(settings.min_face_pixels)


def _square(centre_x: float, centre_y: float, side: float) -> Box:
    return Box(centre_x - side / 2, centre_y - side / 2, side, side)
