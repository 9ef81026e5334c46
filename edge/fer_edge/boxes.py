"""What two boxes have in common, and other geometry of faces."""

import math
from collections.abc import Iterable, Sequence

from fer_contract.preprocess import Box

_FARTHEST = 1e6
"""Pixels; a detector's box beyond is a mistake."""


def is_box(box: Box) -> bool:
    """Tell whether these are numbers that a face can have."""
    # Written so that a NaN fails it.
    return (
        abs(box.x) <= _FARTHEST
        and abs(box.y) <= _FARTHEST
        and 1.0 <= box.width <= _FARTHEST
        and 1.0 <= box.height <= _FARTHEST
    )


def grown(box: Box, reach: float) -> Box:
    """Return a box with this share of its sides added on each side."""
    if reach == 0.0:
        return box
    return Box(
        box.x - reach * box.width,
        box.y - reach * box.height,
        box.width * (1.0 + 2.0 * reach),
        box.height * (1.0 + 2.0 * reach),
    )


def side_of(box: Box) -> float:
    """Return the side of the square that has the area of a box."""
    return math.sqrt(box.width * box.height)


def shared_area(first: Box, second: Box) -> float:
    """Return the area that two boxes share, in square pixels."""
    right = min(first.x + first.width, second.x + second.width)
    width = right - max(first.x, second.x)
    if width <= 0.0:
        return 0.0
    bottom = min(first.y + first.height, second.y + second.height)
    height = bottom - max(first.y, second.y)
    return width * height if height > 0.0 else 0.0


def overlap(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    shared = shared_area(first, second)
    union = first.width * first.height + second.width * second.height - shared
    return shared / union


def likeness(first: Box, second: Box) -> float:
    """Return how well two boxes could be the same face, 0 to 1.

    Their overlap; less if one is smaller, as is the face behind another one.
    """
    share = overlap(first, second)
    if share == 0.0:
        return 0.0
    areas = first.width * first.height, second.width * second.height
    # The ratio first: no rounding takes a share times at most 1 above the share.
    return share * (min(areas) / max(areas))


def distinct(boxes: Iterable[Box], known: Sequence[Box] = ()) -> list[Box]:
    """Return one box a face: of two that share half of the smaller, the larger.

    One face gives a cascade boxes of several sizes, one in the other, of which
    OpenCV joins only those of about the same size; and it is found once more from
    the neighbourhood of another.

    Args:
        boxes: of any faces.
        known: boxes of faces for which no other one is wanted.
    """
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        half = box.width * box.height / 2
        if all(shared_area(box, other) < half for other in (*known, *kept)):
            kept.append(box)
    return kept
