"""What every detector does to its frame before and to its boxes after."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fer_contract.preprocess import Box, Pixels


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


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is round a face: a square of twice its side, at a size of its own."""

    pixels: Pixels
    """(side, side, 3), of which the face has the middle half."""
    scale: float
    """Of the pixels to those of the frame."""
    left: int
    """In pixels of the frame, as ``top``; below 0 if the face is at its border."""
    top: int

    def square(self, centre_x: float, centre_y: float, side: float) -> Box:
        """Return a square of the frame, from its centre and side in these pixels."""
        return square(
            self.left + centre_x / self.scale,
            self.top + centre_y / self.scale,
            side / self.scale,
        )


def neighbourhood(frame: Pixels, box: Box, side: int) -> Neighbourhood:
    """Cut out what is round a face; black where the frame ends.

    Always of one size: the face is then as large as its detector likes it best, costs
    as little near the camera as far away, and a network keeps its buffers.

    Args:
        frame: uint8 (H, W, 3).
        box: where the face is about.
        side: of what is returned, in pixels.
    """
    height, width = frame.shape[:2]
    half = math.ceil(min(max(box.width, box.height), height, width))
    # Whole pixels are joined first: OpenCV does that in a fifth of the time of others.
    joined = max(2 * half // side, 1)
    half = math.ceil(half / joined) * joined
    left = round(box.x + box.width / 2) - half
    top = round(box.y + box.height / 2) - half
    columns = slice(*np.clip((left, left + 2 * half), 0, width).tolist())
    rows = slice(*np.clip((top, top + 2 * half), 0, height).tolist())
    part = frame[rows, columns]
    if part.shape[:2] != (2 * half, 2 * half):
        whole = np.zeros((2 * half, 2 * half, 3), np.uint8)
        inside = whole[rows.start - top :, columns.start - left :]
        inside[: part.shape[0], : part.shape[1]] = part
        part = whole
    if joined > 1:
        least = (2 * half // joined, 2 * half // joined)
        part = np.asarray(cv2.resize(part, least, interpolation=cv2.INTER_AREA))
    pixels = cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR)
    return Neighbourhood(np.asarray(pixels, np.uint8), side / (2 * half), left, top)
