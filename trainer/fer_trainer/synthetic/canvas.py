"""Soft, anti-aliased painting in the coordinates of a face.

A face's coordinates have their origin at the middle of the upper edge of the square
that frames it: x from -0.5 to 0.5 across, y from 0 at the top to 1 at the chin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .person import Colour

Points = npt.NDArray[np.float64]
"""(n, 2): x, y in shares of the face's side."""
Light = tuple[float, float, float]
"""From -1 left to 1 right, from -1 above to 1 below; hardness of shadows, 0 to 1."""
Outline = npt.NDArray[np.int32]
"""(n, 2): x, y in sixteenths of a pixel."""
Paint = npt.NDArray[np.float32]
"""(H, W, C), 0-255; C is 1 (grey) or 3 (blue, green, red)."""

_FRACTION_BITS = 4
_LIGHT_CELLS = 16
_ONE = 1 << _FRACTION_BITS
_MIDDLE = np.array([0.0, 0.5])
# The head as half an egg: its depth (0.4), half width (0.46) and half height (0.7).
_EGG = 0.16 / np.array([0.46, 0.7]) ** 2
_CIRCLE: Points = np.stack(
    [f(np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)) for f in (np.cos, np.sin)], 1
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face stands in an image, and how the head is turned."""

    x: float
    """Centre of the face's square, pixels."""
    y: float
    """Centre of the face's square, pixels."""
    side: float
    """Of the face's square, pixels."""
    roll: float = 0.0
    """Radians; above 0 the head leans to the right of the picture."""
    turn: float = 0.0
    """Radians; above 0 it looks to the right of the picture."""
    nod: float = 0.0
    """Radians; above 0 it looks down."""


class Canvas:
    """An image to paint faces on, grey or in colour."""

    def __init__(self, pixels: Paint, place: Place) -> None:
        self.pixels = pixels
        self.place = place
        scale = place.side * _ONE
        cosine, sine = math.cos(place.roll) * scale, math.sin(place.roll) * scale
        self._slide = np.array([math.sin(place.turn), math.sin(place.nod)])
        self._spin = np.array([(cosine, sine), (-sine, cosine)])
        self._centre = np.array([place.x * _ONE, place.y * _ONE])

    def fill(
        self,
        outlines: Points | Sequence[Points],
        colour: Colour,
        opacity: float = 1.0,
        soft: float = 0.0,
        within: Points | Sequence[Points] | None = None,
        lift: float = 0.0,
    ) -> None:
        """Paint areas.

        Args:
            outlines: one closed outline or several, in the face's coordinates.
            colour: of the paint; a grey canvas takes its luma.
            opacity: 0 nothing to 1 covering.
            soft: how far the edge fades, in shares of the face's side.
            within: paint nothing outside of these outlines.
            lift: how far the areas stand out of the head (a nose).
        """
        if opacity <= 0.0:
            return
        window, share = self._cover(outlines, opacity, soft, within, lift)
        if share is not None:
            area = self.pixels[window]
            area += (self._paint(colour) - area) * share

    def shine(
        self, outlines: Points | Sequence[Points], soft: float, light: Light
    ) -> None:
        """Lay light and shadow over areas as over an egg.

        Args:
            outlines: one closed outline or several, in the face's coordinates.
            soft: how far the edge fades, in shares of the face's side.
            light: where it comes from, and how hard the shadows are.
        """
        (rows, columns), share = self._cover(outlines, 1.0, soft, None, 0.0)
        if share is None:
            return
        height, width = share.shape[:2]
        # The light changes slowly: a small map of it is enough.
        cells = (np.arange(_LIGHT_CELLS) + 0.5) / _LIGHT_CELLS
        x = (columns.start + cells * width - self.place.x) / (0.6 * self.place.side)
        y = (rows.start + cells * height - self.place.y) / (0.85 * self.place.side)
        towards = light[0] * x[np.newaxis, :] + light[1] * (y[:, np.newaxis] + 0.1)
        gain = np.clip(0.1 + light[2] * (1.1 * towards - 0.12), -0.7, 0.35)
        wide = cv2.resize(gain.astype(np.float32), (width, height))
        self.pixels[rows, columns] *= 1.0 + share * wide[:, :, np.newaxis]

    def _cover(
        self,
        outlines: Points | Sequence[Points],
        opacity: float,
        soft: float,
        within: Points | Sequence[Points] | None,
        lift: float,
    ) -> tuple[tuple[slice, slice], Paint | None]:
        """Return a window of the image and what share of each pixel is covered."""
        shapes, (x, y, wide, high) = self._placed(outlines, lift)
        sigma = soft * self.place.side
        pad = int(2.5 * sigma) + 2
        height, width = self.pixels.shape[:2]
        left, top = max(x // _ONE - pad, 0), max(y // _ONE - pad, 0)
        right = min((x + wide) // _ONE + pad, width)
        bottom = min((y + high) // _ONE + pad, height)
        window = (slice(top, bottom), slice(left, right))
        if right <= left or bottom <= top:
            return window, None
        # A wide blur is as smooth when made small and enlarged, and much quicker.
        step = max(int(sigma / 1.5), 1)
        size = (-(-(right - left) // step), -(-(bottom - top) // step))
        # Float at once: OpenCV blurs small float images twice as fast as bytes.
        mask: npt.NDArray[Any] = _mask(shapes, size, left, top, step).astype(np.float32)
        if sigma > 0.6:
            mask = cv2.GaussianBlur(mask, (0, 0), sigma / step)
        if step > 1:
            mask = cv2.resize(mask, (size[0] * step, size[1] * step))
            mask = mask[: bottom - top, : right - left]
        if within is not None:
            clip, _ = self._placed(within, lift)
            inside = _mask(clip, (right - left, bottom - top), left, top, 1)
            mask = mask * inside * np.float32(1.0 / 255.0)
        return window, (mask * np.float32(opacity / 255.0))[:, :, np.newaxis]

    def _placed(
        self, outlines: Points | Sequence[Points], lift: float
    ) -> tuple[list[Outline], Sequence[int]]:
        """Return each outline, and the x, y, width and height that hold them all."""
        single = isinstance(outlines, np.ndarray)
        at = (outlines if single else np.concatenate(outlines)) - _MIDDLE
        # The head is half an egg; turning it slides what lies near the middle.
        depth = np.sqrt(np.maximum(0.16 - at**2 @ _EGG, 0.0)) + lift
        at += depth[:, np.newaxis] * self._slide
        placed = np.rint(at @ self._spin + self._centre).astype(np.int32)
        around = cv2.boundingRect(placed)
        if single:
            return [placed], around
        ends = list(accumulate(len(outline) for outline in outlines))
        return [placed[a:b] for a, b in zip([0, *ends], ends, strict=False)], around

    def _paint(self, colour: Colour) -> npt.NDArray[np.float32]:
        if self.pixels.shape[2] == 3:
            return np.array(colour, np.float32)
        luma = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
        return np.array([luma], np.float32)


def ellipse(x: float, y: float, width: float, height: float) -> Points:
    """Return the outline of an ellipse given by its centre and half axes."""
    outline: Points = _CIRCLE * np.array([width, height]) + np.array([x, y])
    return outline


def smooth(points: Sequence[tuple[float, float]] | Points, closed: bool) -> Points:
    """Return a smooth curve through the points (Catmull-Rom, 6 points a piece)."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        around = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        around = np.concatenate([knots[:1], knots, knots[-1:]])
    stack = np.stack([around[:-3], around[1:-2], around[2:-1], around[3:]])
    curve: Points = np.einsum("tk,knd->ntd", _CATMULL_ROM, stack).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, knots[-1:]])


def ribbon(line: Points, width: float, ends: float = 0.15) -> Points:
    """Return the outline of a brush stroke along a line.

    Args:
        line: (n, 2) points of the stroke.
        width: at its middle, in shares of the face's side.
        ends: width at both ends as a share of that.

    Returns:
        The outline.
    """
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    half = 0.5 * width * (ends + (1.0 - ends) * _swell(len(line))) / length
    across = along[:, ::-1] * (-1.0, 1.0) * half[:, np.newaxis]
    return np.concatenate([line + across, (line - across)[::-1]])


def mirrored(points: Points) -> Points:
    """Return the points on the other half of the face."""
    return points * (-1.0, 1.0)


def _catmull_rom(pieces: int) -> Points:
    t = np.arange(pieces)[:, np.newaxis] / pieces
    powers = np.concatenate([t**0, t, t**2, t**3], axis=1)
    basis = [[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]
    return 0.5 * powers @ np.array(basis, dtype=np.float64)


_CATMULL_ROM = _catmull_rom(6)


@cache
def _swell(count: int) -> Points:
    return 1.0 - np.linspace(-1.0, 1.0, count) ** 2


def _mask(
    shapes: Sequence[Outline], size: tuple[int, int], left: int, top: int, step: int
) -> npt.NDArray[np.uint8]:
    mask = np.zeros((size[1], size[0]), np.uint8)
    # OpenCV counts from the middle of a pixel, a place from the edge of the first.
    half = _ONE * step // 2
    origin = np.array([left * _ONE + half, top * _ONE + half], np.int32)
    for shape in shapes:
        outline = (shape - origin) // step if step > 1 else shape - origin
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, _FRACTION_BITS)
    return mask
