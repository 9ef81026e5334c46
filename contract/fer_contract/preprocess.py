"""From a frame to the pixels of one face. The only definition, for all machines.

Every figure here is an integer or an exactly rounded float64, so the same frame and
box give the same bytes on every processor and with every numpy: what a model was
trained and measured on is, bit for bit, what it sees on the device.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ManifestError

Pixels = npt.NDArray[np.uint8]

# Weights are whole numbers that sum to this. Two passes then stay below 2**24 in
# float32 and 2**53 in float64, where matrix products are exact in any order.
_ONE = 1 << 12

# ITU-R BT.601 luma in 14 bits, as OpenCV's BGR2GRAY: blue, green, red.
_LUMA = np.array([1868, 9617, 4899], dtype=np.int32)

_MAX_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Box:
    """A face in a frame, in pixels; may be fractional and reach over the border.

    A detector returns boxes whose longer side spans the face as FER2013 frames it
    (forehead to chin), whatever its own convention is.
    """

    x: float
    """Left edge."""
    y: float
    """Upper edge."""
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a model takes: one grey channel, uint8, 0-255."""

    height: int = 48
    """Pixels."""
    width: int = 48
    """Pixels."""
    margin: float = 0.0
    """Added on each side of the square, as a share of its side; 0.1 adds 10 %."""

    def __post_init__(self) -> None:
        for name, value in (("height", self.height), ("width", self.width)):
            if type(value) is not int or not 8 <= value <= _MAX_SIDE:
                raise ManifestError(
                    f"input.{name}: {value!r}; allowed are whole numbers 8 to "
                    f"{_MAX_SIDE}"
                )
        if type(self.margin) not in (int, float) or not 0.0 <= self.margin <= 1.0:
            raise ManifestError(
                f"input.margin: {self.margin!r}; allowed is a number 0 to 1"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, 1)."""
        return (self.height, self.width, 1)


def crop_face(frame: npt.NDArray[Any], box: Box, spec: InputSpec) -> Pixels:
    """Cut one face out of a frame as the model wants it.

    A square around the box's centre, its side the longer side of the box plus the
    margin, is mapped on the output. Each output pixel is the mean of the area that
    it covers (of one source pixel's area at least, which is bilinear interpolation
    when a small face is enlarged); beyond the frame its border is repeated.

    Args:
        frame: uint8 (H, W), (H, W, 1) grey or (H, W, 3) BGR, 0-255.
        box: the face, in pixels of the frame.
        spec: size and margin of the model's input.

    Returns:
        uint8 (spec.height, spec.width, 1), 0-255.

    Raises:
        ValueError: another dtype or shape of the frame, an empty frame, or a box
            that is empty or not finite. The message shows what was received.
    """
    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or frame.size == 0:
        raise ValueError(f"frame is {_kind(frame)}; uint8 (H, W) or (H, W, 3) wanted")
    if frame.ndim == 3 and frame.shape[2] not in (1, 3):
        raise ValueError(f"frame is {_kind(frame)}; 1 or 3 channels wanted")
    sides = (box.x, box.y, box.width, box.height)
    if not np.isfinite(sides).all() or min(box.width, box.height) <= 0:
        raise ValueError(f"{box}; finite numbers and a positive size wanted")

    side = max(box.width, box.height) * (1.0 + 2.0 * spec.margin)
    left = box.x + box.width / 2.0 - side / 2.0
    top = box.y + box.height / 2.0 - side / 2.0
    rows, first_row = _area_weights(top, side, spec.height, frame.shape[0])
    columns, first_column = _area_weights(left, side, spec.width, frame.shape[1])
    window = frame[
        first_row : first_row + rows.shape[1],
        first_column : first_column + columns.shape[1],
    ]
    half_way = rows.astype(np.float32) @ _grey(window).astype(np.float32)
    total = half_way.astype(np.float64) @ columns.T.astype(np.float64)
    # Exact: total is a whole number below 2**32, and _ONE**2 a power of two.
    face = np.floor((total + _ONE * _ONE // 2) / (_ONE * _ONE))
    return face.astype(np.uint8)[:, :, np.newaxis]


def _area_weights(
    start: float, length: float, cells: int, pixels: int
) -> tuple[npt.NDArray[np.float64], int]:
    """Weigh the pixels of a line for each cell of the output.

    Args:
        start: where the first cell begins, in pixels.
        length: of all cells together, in pixels.
        cells: of the output.
        pixels: of the source line; those beyond it repeat its ends.

    Returns:
        Whole numbers (cells, n) whose rows sum to ``_ONE``, and the index of the
        source pixel that the first column stands for.
    """
    cell = length / cells
    reach = max(cell, 1.0) / 2.0
    centres = start + (np.arange(cells) + 0.5) * cell
    first = int(np.clip(np.floor(centres[0] - reach), 0, pixels - 1))
    last = int(np.clip(np.ceil(centres[-1] + reach), first + 1, pixels))
    edges = np.arange(first, last + 1)
    covered = (edges[np.newaxis, :] - (centres[:, np.newaxis] - reach)) / (2.0 * reach)
    covered = np.clip(covered, 0.0, 1.0)
    # All that lies before the first pixel counts for it, all beyond the last likewise.
    covered[:, 0] = 0.0
    covered[:, -1] = 1.0
    # Rounding the running sum, not the weights, keeps each row's sum exact.
    return np.diff(np.rint(covered * _ONE), axis=1), first


def _grey(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    return (pixels.astype(np.int32) @ _LUMA + (1 << 13)) >> 14


def _kind(array: npt.NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"
