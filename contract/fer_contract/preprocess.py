"""From a frame to the pixels of one face. The only definition, for all machines.

Every figure here is an integer or an exactly rounded float64, so the same frame and
box give the same bytes on every processor and with every numpy: what a model was
trained and measured on is, bit for bit, what it sees on the device.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ManifestError

Pixels = npt.NDArray[np.uint8]
Whole = npt.NDArray[np.uint32]

# Weights are whole numbers that sum to this. Two passes over 8-bit pixels and the
# half that rounds them then stay below 2**32.
_ONE = 1 << 12

# ITU-R BT.601 luma in 14 bits, as OpenCV's BGR2GRAY: blue, green, red.
_LUMA = (1868, 9617, 4899)

MAX_SIDE = 1024
"""Pixels, of a model's input."""


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
            if type(value) is not int or not 8 <= value <= MAX_SIDE:
                raise ManifestError(
                    f"input.{name}: {value!r}; allowed are whole numbers 8 to "
                    f"{MAX_SIDE}"
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

    # A detector's float32 would be rounded differently by numpy 1 and 2.
    x, y, width, height = (
        float(value) for value in (box.x, box.y, box.width, box.height)
    )
    side = max(width, height) * (1.0 + 2.0 * spec.margin)
    left = x + width / 2.0 - side / 2.0
    top = y + height / 2.0 - side / 2.0
    if not all(map(math.isfinite, (left, top, side))) or min(width, height) <= 0:
        raise ValueError(f"{box}; finite numbers and a positive size wanted")

    rows, row_weights = _areas(top, side, spec.height, frame.shape[0])
    columns, column_weights = _areas(left, side, spec.width, frame.shape[1])
    first_row, first_column = rows[0, 0], columns[0, 0]
    window = frame[first_row : rows[-1, -1] + 1, first_column : columns[-1, -1] + 1]
    half_way = _weigh(_luma(window), rows - first_row, row_weights)
    total = _weigh(half_way.T, columns - first_column, column_weights).T
    face = (total + _ONE * _ONE // 2) // (_ONE * _ONE)
    return face.astype(np.uint8)[:, :, np.newaxis]


def fit_face(image: npt.NDArray[Any], spec: InputSpec) -> Pixels:
    """Bring a picture that is a face, and nothing but a face, to a model's size.

    Args:
        image: uint8 (H, W), (H, W, 1) grey or (H, W, 3) BGR, 0-255.
        spec: whose margin does not count: what lies round the face is not there.

    Returns:
        uint8 (spec.height, spec.width, 1), 0-255. A grey picture of this size stays
        as it is, to the last bit.

    Raises:
        ValueError: as ``crop_face``.
    """
    height, width = image.shape[:2]
    if (height, width) == (spec.height, spec.width):
        return _luma(image).astype(np.uint8)[:, :, np.newaxis]
    whole = InputSpec(spec.height, spec.width)
    return crop_face(image, Box(0, 0, width, height), whole)


def _areas(
    start: float, length: float, cells: int, pixels: int
) -> tuple[npt.NDArray[np.int64], Whole]:
    """Find and weigh the pixels of a line that each cell of the output covers.

    Args:
        start: where the first cell begins, in pixels.
        length: of all cells together, in pixels.
        cells: of the output.
        pixels: of the source line; those beyond it repeat its ends.

    Returns:
        Indices (cells, n) of source pixels, ascending, and their weights (cells, n),
        whose rows sum to ``_ONE``.
    """
    cell = length / cells
    reach = max(cell, 1.0) / 2.0
    begins = start + (np.arange(cells) + 0.5) * cell - reach
    most = int(min(np.ceil(2.0 * reach) + 1.0, pixels))
    first = np.minimum(np.maximum(np.floor(begins), 0), pixels - 1).astype(np.int64)
    edges = first[:, np.newaxis] + np.arange(most + 1)
    covered = (edges - begins[:, np.newaxis]) / (2.0 * reach)
    # Not by clip, whose checks take longer than such short lines.
    np.minimum(np.maximum(covered, 0.0, out=covered), 1.0, out=covered)
    # All that lies before the first pixel counts for it, all beyond the last likewise.
    covered[:, 0] = 0.0
    covered[:, -1] = 1.0
    # Rounding the running sum, not the weights, keeps each row's sum exact.
    sums = np.rint(covered * _ONE).astype(np.uint32)
    weights = sums[:, 1:] - sums[:, :-1]
    return np.minimum(edges[:, :-1], pixels - 1), weights


def _weigh(lines: Whole, indices: npt.NDArray[np.int64], weights: Whole) -> Whole:
    """Sum weighted lines: (N, length), (cells, n), (cells, n) -> (cells, length).

    Not as one matrix product: its threads wait for each other on a busy machine.
    """
    total: Whole = np.einsum("cn,cnl->cl", weights, lines[indices])
    return total


def _luma(pixels: npt.NDArray[Any]) -> Whole:
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return pixels.reshape(pixels.shape[:2]).astype(np.uint32)
    # By floats, which are exact, for no sum reaches 2**24: numpy adds up the channels
    # in a third of the time of whole numbers. The rows are short, so that this matrix
    # product has no threads that wait for each other.
    line = np.ascontiguousarray(pixels).astype(np.float32)
    total: Whole = (line @ np.array(_LUMA, np.float32)).astype(np.uint32)
    total += 1 << 13
    total >>= 14
    return total


def _kind(array: npt.NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"
