"""One face as the training data shows it: grey, tight, seen by a camera."""

import math
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Light, Place
from .expression import Expression
from .head import paint_person
from .person import Person

_SUPERSAMPLE = 2  # Drawn this much larger, then averaged: no edge keeps its stairs.


@dataclass(frozen=True, slots=True)
class View:
    """How a camera sees a face: framing, pose, light and the camera's own faults."""

    shift_x: float = 0.0
    """To the right, in shares of the square's side."""
    shift_y: float = 0.0
    """Down, in shares of the square's side."""
    scale: float = 1.0
    """Size of the face against the square."""
    roll_degrees: float = 0.0
    """Leans to the right of the picture."""
    turn_degrees: float = 0.0
    """Looks to the right of the picture."""
    nod_degrees: float = 0.0
    """Looks down."""
    light_x: float = 0.0
    """Light from the left (-1) to the right (1)."""
    light_y: float = -0.3
    """Light from above (-1) to below (1)."""
    light_hardness: float = 0.4
    """0 no shadows to 1 deep ones."""
    backdrop: float = 140.0
    """Grey level behind the head, 0-255."""
    brightness: float = 0.0
    """Added to every pixel, grey levels."""
    contrast: float = 1.0
    """Factor about the middle grey."""
    blur: float = 0.0
    """Standard deviation, in pixels of a picture of 48."""
    noise: float = 0.0
    """Standard deviation, grey levels."""
    noise_seed: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Self:
        """Draw a view; the spread of the framing is that of a face detector.

        Args:
            rng: the only source of chance.

        Returns:
            The view.
        """

        def about(mean: float, spread: float, reach: float = 2.5) -> float:
            return mean + spread * max(-reach, min(rng.standard_normal(), reach))

        return cls(
            shift_x=about(0.0, 0.025),
            shift_y=about(0.0, 0.025),
            scale=math.exp(about(0.0, 0.07)),
            roll_degrees=about(0.0, 4.5),
            turn_degrees=about(0.0, 6.0),
            nod_degrees=about(0.0, 3.5),
            light_x=float(rng.uniform(-1.0, 1.0)),
            light_y=float(rng.uniform(-0.9, 0.3)),
            light_hardness=float(rng.uniform(0.1, 0.8)),
            backdrop=float(rng.uniform(20.0, 235.0)),
            brightness=about(4.0, 14.0),
            contrast=math.exp(about(0.08, 0.14)),
            blur=float(rng.uniform(0.0, 0.55)),
            noise=float(rng.uniform(1.0, 5.0)),
            noise_seed=int(rng.integers(1 << 31)),
        )

    @property
    def light(self) -> Light:
        """Direction and hardness together."""
        return (self.light_x, self.light_y, self.light_hardness)

    def place(self, x: float, y: float, side: float) -> Place:
        """Return where the head stands for a square of the image.

        Args:
            x: centre of the square, pixels.
            y: centre of the square, pixels.
            side: of the square, pixels.
        """
        return Place(
            x=x + self.shift_x * side,
            y=y + self.shift_y * side,
            side=side * self.scale,
            roll=math.radians(self.roll_degrees),
            turn=math.radians(self.turn_degrees),
            nod=math.radians(self.nod_degrees),
        )

    def expose(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the picture that the camera takes: uint8, the shape of ``pixels``."""
        grey = (pixels - 128.0) * self.contrast + (128.0 + self.brightness)
        if self.noise:
            rng = np.random.default_rng(self.noise_seed)
            grain = rng.standard_normal(pixels.shape, dtype=np.float32)
            grey += grain * np.float32(self.noise)
        exposed: npt.NDArray[np.uint8] = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        return exposed


def draw_face(
    person: Person, expression: Expression, view: View, size: int = 48
) -> npt.NDArray[np.uint8]:
    """Draw one face, framed as FER2013 frames it, from the forehead to the chin.

    Args:
        person: whose face.
        expression: what it shows.
        view: how the camera sees it.
        size: side of the picture, pixels.

    Returns:
        uint8 (size, size), 0-255, grey.
    """
    large = size * _SUPERSAMPLE
    pixels: npt.NDArray[Any] = np.full((large, large, 1), view.backdrop, np.float32)
    place = view.place(large / 2.0, large / 2.0, float(large))
    paint_person(Canvas(pixels, place), person, expression, view.light)
    if view.blur > 0.1:
        pixels = cv2.GaussianBlur(pixels, (0, 0), view.blur * large / 48.0)
    return view.expose(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA))
