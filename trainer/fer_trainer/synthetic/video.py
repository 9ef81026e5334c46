"""A video in which it is known who shows what, and when."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError

from .expression import EMOTIONS, Expression
from .person import Person
from .scene import Seat, draw_seated, paint_wall, place_seats

TRANSITION_SECONDS = 0.6
"""A face needs this long to change, half of it before the time line says so."""

_SHORTEST_ACT_SECONDS = 2.5
_LONGEST_ACT_SECONDS = 4.5
_BLINK_SECONDS = 0.12


class Act(NamedTuple):
    """One entry of the time line."""

    start_seconds: float
    """Since the first frame."""
    end_seconds: float
    """Since the first frame; the next act of the same person starts here."""
    person: int
    """Index of the person, from the left."""
    emotion: str
    """One of ``EMOTIONS``."""


@dataclass(frozen=True, slots=True)
class Video:
    """What to draw; the same values give the same frames."""

    seed: int = 0
    seconds: float = 20.0
    frames_per_second: float = 10.0
    persons: int = 1
    width: int = 640
    """Pixels."""
    height: int = 480
    """Pixels."""

    def time_line(self) -> list[Act]:
        """Return the acts by person and time; those of each span the whole video."""
        return [act for person in range(self.persons) for act in self._acts_of(person)]

    def frames(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the frames: uint8 (height, width, 3), BGR, 0-255."""
        rng = np.random.default_rng((self.seed, 1))
        wall = paint_wall(self.width, self.height, rng)
        seats = place_seats(self.persons, self.width, self.height, rng)
        actors = [
            _Actor.cast(self._acts_of(index), seat, rng)
            for index, seat in enumerate(seats)
        ]
        for index in range(round(self.seconds * self.frames_per_second)):
            now = index / self.frames_per_second
            seated = [actor.at(now) for actor in actors]
            yield draw_seated(
                wall, seated, np.random.default_rng((self.seed, 2, index))
            )

    def _acts_of(self, person: int) -> list[Act]:
        rng = np.random.default_rng((self.seed, 0, person))
        acts: list[Act] = []
        start, emotion = 0.0, "neutral"
        unseen: list[str] = []
        while start < self.seconds:
            end = start + rng.uniform(_SHORTEST_ACT_SECONDS, _LONGEST_ACT_SECONDS)
            # Whole tenths read well in a report. No act is shorter than the others.
            end = round(end, 1)
            if end > self.seconds - _SHORTEST_ACT_SECONDS:
                end = self.seconds
            acts.append(Act(start, end, person, emotion))
            # All the others in some order, then again: a short video shows them all.
            if not unseen:
                others = [other for other in EMOTIONS if other != emotion]
                unseen = [str(other) for other in rng.permutation(others)]
            start, emotion = end, unseen.pop()
        return acts


def draw_video(path: Path, video: Video) -> list[Act]:
    """Write a video as Motion JPEG.

    Args:
        path: of the ``.avi`` file.
        video: what to draw.

    Returns:
        Its time line.

    Raises:
        DataError: OpenCV cannot write the file, or not all of it.
    """
    # OpenCV's own writer, for its other ones are not on every machine.
    writer = cv2.VideoWriter(
        str(path),
        cv2.CAP_OPENCV_MJPEG,
        cv2.VideoWriter.fourcc(*"MJPG"),
        video.frames_per_second,
        (video.width, video.height),
    )
    if not writer.isOpened():
        raise DataError(f"{path}: OpenCV cannot write a video there")
    drawn = 0
    try:
        for frame in video.frames():
            writer.write(frame)
            drawn += 1
    finally:
        writer.release()
    # The writer does not say that a disk is full.
    kept = _count_frames(path)
    if kept != drawn:
        path.unlink(missing_ok=True)
        raise DataError(
            f"{path}: {kept} of {drawn} frames could be written; is the disk full?"
        )
    return video.time_line()


def _count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path), cv2.CAP_OPENCV_MJPEG)
    try:
        count = 0
        while capture.grab():
            count += 1
    finally:
        capture.release()
    return count


@dataclass(frozen=True, slots=True)
class _Actor:
    """A person of the video, with all that is known before it begins."""

    person: Person
    seat: Seat
    acts: tuple[tuple[Act, Expression], ...]
    phase: float
    """Where its swaying begins, radians."""

    @classmethod
    def cast(cls, acts: list[Act], seat: Seat, rng: np.random.Generator) -> Self:
        # An actor's resting face is neutral, or the time line would be in doubt.
        person = replace(Person.random(rng), mouth_curve=0.0, brow_slant=0.0)
        shown = tuple(
            (act, Expression.of(act.emotion, rng, float(rng.uniform(0.9, 1.1))))
            for act in acts
        )
        return cls(person, seat, shown, float(rng.uniform(0.0, 2.0 * math.pi)))

    def at(self, now: float) -> tuple[tuple[Person, Expression], Seat]:
        """Return what the person shows, and where, at a time in seconds."""
        shown = self.acts[0][1]
        for act, expression in self.acts[1:]:
            begun = (now - act.start_seconds) / TRANSITION_SECONDS + 0.5
            share = min(max(begun, 0.0), 1.0)
            shown = shown.blend(expression, share * share * (3.0 - 2.0 * share))
        if (now + self.phase) % 3.7 < _BLINK_SECONDS:
            shown = replace(shown, eye_open=-0.85)
        view = self.seat.view
        sway = replace(
            view,
            shift_x=view.shift_x + 0.02 * math.sin(0.9 * now + self.phase),
            shift_y=view.shift_y + 0.012 * math.sin(1.3 * now + self.phase),
            roll_degrees=view.roll_degrees + 1.5 * math.sin(0.7 * now + self.phase),
            turn_degrees=view.turn_degrees + 3.0 * math.sin(0.5 * now + self.phase),
        )
        return (self.person, shown), replace(self.seat, view=sway)
