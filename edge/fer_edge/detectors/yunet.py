"""YuNet through OpenCV, a small convolutional network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from fer_contract.errors import FerError
from fer_contract.preprocess import Box, Pixels
from fer_contract.quiet import native_messages_to_log
from fer_edge.names import is_utf8

from .framing import neighbourhood, smaller, square


class YuNetDetector:
    """Faster than a cascade, and finds more.

    Args:
        model: face_detection_yunet_2023mar.onnx
        min_face_pixels: side of the smallest face that counts.
        detection_pixels: longer side of the frame in which faces are sought.
    """

    name = "yunet"

    # Least score of a face, 0 to 1: in a whole frame, and where one is known to be.
    _SCORE = 0.7
    _NEAR_SCORE = 0.6
    _SIDE = 1.0  # of the FER2013 square, in heights of YuNet's box

    # Pixels that a face must keep when the frame is scaled down. In photographs it
    # finds faces of 20 with scores near 0.9, of 15 with 0.7.
    _LEAST_FACE = 24

    # Pixels. In a frame of 32 rows or columns OpenCV 4.14 reports what it finds beyond
    # its buffers: boxes up to infinite size, other ones each time.
    _LEAST_FRAME_SIDE = 33

    # Of a neighbourhood, in pixels. Near 240 validation faces of 60 to 170 pixels,
    # expected a tenth of their side off, it found 99 % of what the whole frame of 480
    # shows, and 69 % of what it does not; of a neighbourhood of 128 it found 96 and
    # 64 %, of one of 192, which takes half as long again, 99 and 75 %.
    _NEAR_SIDE = 160

    def __init__(
        self, model: Path, min_face_pixels: int, detection_pixels: int
    ) -> None:
        self._smallest = min_face_pixels
        self._longest = detection_pixels
        if not model.is_file():
            raise FerError(f"faces.yunet_model: {model}: no such file")
        if not is_utf8(model):
            raise FerError(f"faces.yunet_model: {model}: the name is not UTF-8")
        # Two, for one that changes its size takes half a search to do so.
        near_size = (self._NEAR_SIDE, self._NEAR_SIDE)
        try:
            with native_messages_to_log():
                self._network = cv2.FaceDetectorYN.create(
                    str(model), "", (320, 320), score_threshold=self._SCORE
                )
                self._near_network = cv2.FaceDetectorYN.create(
                    str(model), "", near_size, score_threshold=self._NEAR_SCORE
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
        return [
            square(x / scale, y / scale, side / scale)
            for x, y, side in self._faces(self._network, small)
            if side / scale >= self._smallest
        ]

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        """Return a square for every face near a known one and about as large."""
        view = neighbourhood(frame, box, self._NEAR_SIDE)
        return [
            view.square(x, y, side)
            for x, y, side in self._faces(self._near_network, view.pixels)
            if side / view.scale >= self._smallest
        ]

    def _faces(
        self, network: Any, pixels: Pixels
    ) -> Iterator[tuple[float, float, float]]:
        """Yield centre and side of the square of each face, in these pixels."""
        found = network.detect(pixels)[1]  # None, or (N, 15)
        rows = [] if found is None else found[:, :4].tolist()
        for x, y, width, height in rows:
            yield x + width / 2, y + height / 2, height * self._SIDE
