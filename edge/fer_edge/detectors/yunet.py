"""YuNet through OpenCV, a small convolutional network."""

from pathlib import Path
from typing import Any

import cv2

from fer_contract.errors import FerError
from fer_contract.preprocess import Box, Pixels
from fer_contract.quiet import native_messages_to_log
from fer_edge.names import is_utf8

from .framing import smaller, square


class YuNetDetector:
    """Faster than a cascade, and finds more.

    Args:
        model: face_detection_yunet_2023mar.onnx
        min_face_pixels: side of the smallest face that counts.
        detection_pixels: longer side of the frame in which faces are sought.
    """

    name = "yunet"

    _SCORE = 0.7  # least score of a face, 0 to 1
    _SIDE = 1.0  # of the FER2013 square, in heights of YuNet's box

    # Pixels that a face must keep when the frame is scaled down. In photographs it
    # finds faces of 20 with scores near 0.9, of 15 with 0.7.
    _LEAST_FACE = 24

    # Pixels. In a frame of 32 rows or columns OpenCV 4.14 reports what it finds beyond
    # its buffers: boxes up to infinite size, other ones each time.
    _LEAST_FRAME_SIDE = 33

    def __init__(
        self, model: Path, min_face_pixels: int, detection_pixels: int
    ) -> None:
        self._smallest = min_face_pixels
        self._longest = detection_pixels
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
        if min(frame.shape[:2]) < self._LEAST_FRAME_SIDE:
            return []
        small, scale = smaller(
            frame,
            self._longest,
            self._LEAST_FACE / self._smallest,
            self._LEAST_FRAME_SIDE,
        )
        height, width = small.shape[:2]
        self._network.setInputSize((width, height))
        found: Any = self._network.detect(small)[1]  # None, or (N, 15)
        rows = [] if found is None else (found[:, :4] / scale).tolist()
        return [
            square(x + w / 2, y + h / 2, h * self._SIDE)
            for x, y, w, h in rows
            if h * self._SIDE >= self._smallest
        ]
