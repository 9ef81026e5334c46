"""How accurate a model stays when the faces are not as the data set has them.

"Always sad on my webcam" is what users of such models complain of first: a camera's
faces are darker, flatter, blurred, cut otherwise. So validation faces are changed by
known amounts, one kind of change at a time, and judged again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.intervals import wilson
from fer_contract.preprocess import Pixels
from fer_trainer.evaluation.majority import NONE
from fer_trainer.evaluation.models import Answer

Change = Callable[[Pixels, float], Pixels]
"""Faces uint8 (N, H, W, 1) and an amount -> as many, changed; the input stays."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One kind of change."""

    name: str
    unit: str
    """Of the levels, for people."""
    levels: tuple[float, ...]
    """From one end to the other, with the one that changes nothing."""
    nothing: float
    change: Change


@dataclass(frozen=True, slots=True)
class Point:
    """Accuracy at one level of a change."""

    level: float
    right: int
    faces: int
    right_by_votes: int | None
    faces_by_votes: int | None
    """With a clear majority of the votes for one of the labels."""

    def facts(self) -> dict[str, Any]:
        """Return the point as JSON; shares are 0 to 1."""
        facts: dict[str, Any] = {
            "level": self.level,
            "accuracy": round(self.right / self.faces, 4),
            "accuracy_95": [round(end, 4) for end in wilson(self.right, self.faces)],
        }
        if self.right_by_votes is not None and self.faces_by_votes:
            facts["votes_accuracy"] = round(
                self.right_by_votes / self.faces_by_votes, 4
            )
        return facts


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy over the levels of one kind of change."""

    disturbance: Disturbance
    points: tuple[Point, ...]

    def facts(self) -> dict[str, Any]:
        """Return the curve as JSON."""
        return {
            "unit": self.disturbance.unit,
            "unchanged": self.disturbance.nothing,
            "points": [point.facts() for point in self.points],
        }


def robustness(
    answer: Answer, faces: FaceSet, truth_by_votes: npt.NDArray[np.int64] | None
) -> tuple[Curve, ...]:
    """Measure all curves.

    Args:
        answer: the model.
        faces: labelled, at least one.
        truth_by_votes: (N,) of ``majority``, or None.
    """
    unchanged = _point(answer, faces, faces.faces, 0.0, truth_by_votes)
    curves = []
    for kind in DISTURBANCES:
        points = []
        for level in kind.levels:
            if level == kind.nothing:
                point = Point(level, *_counts(unchanged))
            else:
                changed = kind.change(faces.faces, level)
                point = _point(answer, faces, changed, level, truth_by_votes)
            points.append(point)
        curves.append(Curve(kind, tuple(points)))
    return tuple(curves)


def _point(
    answer: Answer,
    faces: FaceSet,
    changed: Pixels,
    level: float,
    by_votes: npt.NDArray[np.int64] | None,
) -> Point:
    named = answer(changed).argmax(axis=1)
    right = int((named == faces.classes).sum())
    if by_votes is None:
        return Point(level, right, len(faces), None, None)
    known = by_votes != NONE
    agree = int((named == by_votes)[known].sum())
    return Point(level, right, len(faces), agree, int(known.sum()))


def _counts(point: Point) -> tuple[int, int, int | None, int | None]:
    return point.right, point.faces, point.right_by_votes, point.faces_by_votes


def brighter(faces: Pixels, levels: float) -> Pixels:
    """Add grey levels; what passes 0 or 255 is clipped, as by a sensor."""
    return _bytes(faces.astype(np.float32) + levels)


def contrasted(faces: Pixels, factor: float) -> Pixels:
    """Scale the distance of each pixel from its face's mean."""
    values = faces.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    return _bytes(mean + factor * (values - mean))


def lit_from_a_side(faces: Pixels, share: float) -> Pixels:
    """Let light fall off across the face, to 1 - share; from left and right in turn."""
    width = faces.shape[2]
    ramp = 1 - share * np.linspace(0, 1, width, dtype=np.float32)
    falls = np.where((np.arange(len(faces)) % 2 == 0)[:, np.newaxis], ramp, ramp[::-1])
    return _bytes(faces * falls[:, np.newaxis, :, np.newaxis])


def noisy(faces: Pixels, deviation: float) -> Pixels:
    """Add grain of a standard deviation in grey levels, the same for the same faces."""
    grain = np.random.default_rng(0).normal(0, deviation, faces.shape)
    return _bytes(faces + grain)


def blurred(faces: Pixels, sigma: float) -> Pixels:
    """Blur by a Gaussian, sigma in pixels of the face as the model takes it."""
    return _each(faces, lambda face: cv2.GaussianBlur(face, (0, 0), sigma))


def coarsened(faces: Pixels, side: float) -> Pixels:
    """Shrink to a side in pixels and enlarge again: a face far from the camera."""
    height, width = faces.shape[1:3]

    def far(face: Pixels) -> Any:
        rows = max(1, round(side * height / width))
        small = cv2.resize(face, (round(side), rows), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    return _each(faces, far)


def scaled(faces: Pixels, factor: float) -> Pixels:
    """Make the face larger in its square, as a box that is cut too tight does."""
    return _warped(faces, lambda _: (factor, 0.0, 0.0, 0.0))


def shifted(faces: Pixels, share: float) -> Pixels:
    """Move the face by a share of the side: right, left, down and up in turn."""
    directions = ((1, 0), (-1, 0), (0, 1), (0, -1))

    def how(index: int) -> tuple[float, float, float, float]:
        across, down = directions[index % 4]
        return 1.0, 0.0, share * across, share * down

    return _warped(faces, how)


def rotated(faces: Pixels, degrees: float) -> Pixels:
    """Turn the face, counter-clockwise above 0."""
    return _warped(faces, lambda _: (1.0, degrees, 0.0, 0.0))


DISTURBANCES: tuple[Disturbance, ...] = (
    Disturbance(
        "brightness", "grey levels added", (-120, -80, -40, 0, 40, 80, 120), 0, brighter
    ),
    Disturbance("contrast", "times", (0.1, 0.25, 0.5, 1, 1.5, 2), 1, contrasted),
    Disturbance(
        "light from a side", "share lost", (0, 0.3, 0.6, 0.9), 0, lit_from_a_side
    ),
    Disturbance("noise", "grey levels, deviation", (0, 5, 10, 20, 40), 0, noisy),
    Disturbance("blur", "pixels, sigma", (0, 0.5, 1, 1.5, 2, 3), 0, blurred),
    Disturbance("resolution", "pixels a side", (8, 12, 16, 24, 32, 48), 48, coarsened),
    Disturbance("scale", "times", (0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3), 1, scaled),
    Disturbance("shift", "share of the side", (0, 0.05, 0.1, 0.15, 0.2), 0, shifted),
    Disturbance("rotation", "degrees", (-45, -30, -15, 0, 15, 30, 45), 0, rotated),
)
"""Levels go from harmless to where hardly any model follows."""


def _bytes(values: npt.NDArray[Any]) -> Pixels:
    whole: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return whole


def _each(faces: Pixels, change: Callable[[Pixels], Any]) -> Pixels:
    changed = np.empty_like(faces)
    for index, face in enumerate(faces):
        # OpenCV wants its rows one after the other, and no third axis.
        changed[index, ..., 0] = change(np.ascontiguousarray(face[..., 0]))
    return changed


def _warped(
    faces: Pixels, how: Callable[[int], tuple[float, float, float, float]]
) -> Pixels:
    """Scale, turn and move each face about its centre; borders are continued."""
    height, width = faces.shape[1:3]
    centre = ((width - 1) / 2, (height - 1) / 2)
    moved = np.empty_like(faces)
    for index, face in enumerate(faces):
        factor, degrees, across, down = how(index)
        matrix = cv2.getRotationMatrix2D(centre, degrees, factor)
        matrix[:, 2] += across * width, down * height
        moved[index, ..., 0] = cv2.warpAffine(
            np.ascontiguousarray(face[..., 0]),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return moved
