"""What every detector does to its frame before and to its boxes after."""

from collections.abc import Iterable

import cv2
import numpy as np

from fer_contract.preprocess import Box, Pixels
from fer_edge.boxes import shared_area


def smaller(
    frame: Pixels, longest: int, least_scale: float, least_side: int = 1
) -> tuple[Pixels, float]:
    """Scale a frame down, since what a detector costs is pixels.

    Args:
        frame: uint8 (H, W, 3).
        longest: its longer side is to have this many pixels at most.
        least_scale: but it is not to be scaled below this.
        least_side: nor is its shorter side to have fewer pixels than this.

    Returns:
        The frame and its scale, 1 at most.
    """
    height, width = frame.shape[:2]
    least = max(least_scale, least_side / min(height, width))
    scale = max(longest / max(height, width), least)
    if scale >= 1.0:
        return frame, 1.0
    # Rounded up, so that no bound is missed by a pixel.
    size = (int(np.ceil(width * scale)), int(np.ceil(height * scale)))
    # Area, for what a face is found by must not alias away.
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), scale


def square(centre_x: float, centre_y: float, side: float) -> Box:
    """Return a square by its centre."""
    return Box(centre_x - side / 2, centre_y - side / 2, side, side)


def distinct(boxes: Iterable[Box]) -> list[Box]:
    """Return one box a face: of two that share half of the smaller, the larger.

    One face gives a cascade boxes of several sizes, one in the other, of which
    OpenCV joins only those of about the same size.
    """
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        half = box.width * box.height / 2
        if all(shared_area(box, other) < half for other in kept):
            kept.append(box)
    return kept
