"""Persons side by side in front of a wall, as a camera in a room sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Paint
from .expression import Expression
from .face import View
from .head import paint_person
from .person import Person

Square = tuple[float, float, float]
"""The square that frames a face as FER2013 does: x, y of its corner, side; pixels."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a person is in a scene, and how the camera sees the face."""

    x: float
    """Centre of the face's square, pixels."""
    y: float
    """Centre of the face's square, pixels."""
    side: float
    """Of the face's square, pixels."""
    view: View

    @property
    def square(self) -> Square:
        """The square that frames the face, as the view moves and scales it."""
        side = self.side * self.view.scale
        x = self.x + self.view.shift_x * self.side
        y = self.y + self.view.shift_y * self.side
        return (x - side / 2.0, y - side / 2.0, side)


def draw_scene(
    cast: Sequence[tuple[Person, Expression]],
    width: int = 640,
    height: int = 480,
    *,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], list[Square]]:
    """Draw several persons in a room.

    Args:
        cast: who is there, from left to right, and what each face shows.
        width: of the frame, pixels.
        height: of the frame, pixels.
        rng: the only source of chance.

    Returns:
        The frame, uint8 (height, width, 3), BGR, 0-255, and for each of the cast the
        square of the face.
    """
    wall = paint_wall(width, height, rng)
    seats = place_seats(len(cast), width, height, rng)
    frame = draw_seated(wall, list(zip(cast, seats, strict=True)), noise_rng=rng)
    return frame, [seat.square for seat in seats]


def place_seats(
    count: int, width: int, height: int, rng: np.random.Generator
) -> list[Seat]:
    """Give each of ``count`` persons a place; their heads do not overlap.

    Args:
        count: persons, from left to right.
        width: of the frame, pixels.
        height: of the frame, pixels.
        rng: the only source of chance.

    Returns:
        One seat for each.
    """
    seats = []
    share = width / max(count, 1)
    # Room for the hair above, and for a neighbour's hair at each side.
    largest = min(0.44 * height, 0.64 * share)
    for index in range(count):
        side = largest * float(rng.uniform(0.85, 1.0))
        x = (index + 0.5) * share + float(rng.uniform(-0.04, 0.04)) * share
        y = float(rng.uniform(0.42, 0.52)) * height
        view = replace(View.random(rng), shift_x=0.0, shift_y=0.0, scale=1.0)
        seats.append(Seat(x=x, y=y, side=side, view=view))
    return seats


def paint_wall(width: int, height: int, rng: np.random.Generator) -> Paint:
    """Paint a room without anything that a detector could take for a face.

    Args:
        width: of the frame, pixels.
        height: of the frame, pixels.
        rng: the only source of chance.

    Returns:
        float32 (height, width, 3), BGR, 0-255.
    """
    tone = rng.uniform(95.0, 190.0) + rng.uniform(-18.0, 18.0, 3)
    # Light falls from one side, and the wall is not quite even.
    corners = tone * rng.uniform(0.75, 1.15, (2, 2, 1))
    size = (width, height)
    wall: npt.NDArray[Any] = cv2.resize(
        corners.astype(np.float32), size, interpolation=cv2.INTER_LINEAR
    )
    uneven = rng.normal(1.0, 0.03, (6, 8)).astype(np.float32)
    wall *= cv2.resize(uneven, size, interpolation=cv2.INTER_CUBIC)[:, :, np.newaxis]
    panel = int(rng.uniform(0.05, 0.95) * width)
    wall[:, panel : panel + max(width // 90, 2)] *= 0.85
    rail = int(rng.uniform(0.6, 0.75) * height)
    wall[rail:] *= 0.82
    wall[rail : rail + max(height // 80, 2)] *= 1.2
    return wall


def draw_seated(
    wall: Paint,
    seated: Sequence[tuple[tuple[Person, Expression], Seat]],
    noise_rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """Draw the persons in their seats in front of a wall.

    Args:
        wall: float32 (H, W, 3); stays as it is.
        seated: who shows what, and where.
        noise_rng: where the grain of the camera's sensor comes from.

    Returns:
        uint8 (H, W, 3), BGR, 0-255.
    """
    pixels = wall.copy()
    for (person, expression), seat in seated:
        place = seat.view.place(seat.x, seat.y, seat.side)
        paint_person(Canvas(pixels, place), person, expression, seat.view.light)
    # The lens, then the sensor: one for the whole frame.
    grain = noise_rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
    seen = cv2.GaussianBlur(pixels, (0, 0), 0.7) + grain * np.float32(2.0)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)
