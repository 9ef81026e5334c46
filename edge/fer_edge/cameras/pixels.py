"""Pictures of any kind in, upright frames out."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.preprocess import Pixels
from fer_edge.errors import CameraError

Picture = npt.NDArray[Any]
"""What a driver or decoder gives: (H, W) or (H, W, 1, 3 or 4), uint8 or uint16."""

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_FLIPS = {"horizontal": 1, "vertical": 0, "both": -1}
_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


@dataclass(frozen=True, slots=True)
class View:
    """How a camera is mounted."""

    rotation: int = 0
    """Degrees, clockwise: 0, 90, 180 or 270."""
    flip: str = "none"
    """After the rotation: none, horizontal, vertical or both."""
    grey: bool = False


def upright(picture: Picture, view: View) -> Pixels:
    """Return a picture as every frame is, turned as its camera's mounting asks.

    Args:
        picture: grey, BGR or BGRA; of 16 bits the upper 8 are kept.
        view: how the camera is mounted.

    Returns:
        uint8 (H, W, 3), BGR, 0-255, contiguous, which OpenCV's networks need.

    Raises:
        CameraError: no such picture.
    """
    shape = picture.shape
    channels = shape[2] if len(shape) == 3 else 1
    depth = picture.dtype.name
    if (
        len(shape) not in (2, 3)
        or channels not in (1, 3, 4)
        or not picture.size
        or depth not in ("uint8", "uint16")
    ):
        raise CameraError(
            f"camera: a picture of {depth} {shape}; wanted is uint8 or uint16 "
            "(H, W) or (H, W, 1, 3 or 4)"
        )
    if depth == "uint16":
        picture = picture >> 8
    pixels: Any = np.ascontiguousarray(picture, np.uint8)
    if channels in _TO_BGR:
        pixels = cv2.cvtColor(pixels, _TO_BGR[channels])
    if view.grey and channels != 1:
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        pixels = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if view.rotation:
        pixels = cv2.rotate(pixels, _TURNS[view.rotation])
    if view.flip != "none":
        pixels = cv2.flip(pixels, _FLIPS[view.flip])
    return np.asarray(pixels, np.uint8)
