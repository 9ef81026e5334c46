"""A recording with what was seen in it drawn on, for people to look at.

Only for recordings: what a live camera sees is written nowhere.
"""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import cv2
import numpy as np

from fer_contract.image_files import SUFFIXES
from fer_contract.preprocess import Pixels
from fer_contract.quiet import native_messages_to_log
from fer_edge.errors import OutputError
from fer_edge.loop import Turn
from fer_edge.names import is_utf8
from fer_edge.pipeline import Face

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# What nobody calls a folder.
_OTHER_FILES = SUFFIXES | {".mp4", ".m4v", ".mkv", ".mov", ".webm", ".mpg"}
_RATE = 10.0  # of a video of one frame, which tells none


class Annotator(Protocol):
    """Writes frames with boxes, tracks and scores; a context that ends the writing."""

    def __call__(self, turn: Turn) -> None:
        """Write a frame."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is written.

        Raises:
            OutputError: it is not all there.
        """


def open_annotator(path: Path) -> Annotator:
    """Begin a video, if the path ends with ``.avi``, or a folder of pictures.

    Raises:
        OutputError: there is something already, or it cannot be written.
    """
    if not is_utf8(path):
        raise OutputError(f"{path}: the name is not UTF-8, which OpenCV needs")
    if path.exists():
        raise OutputError(f"{path}: already there; name a new one")
    kind = path.suffix.lower()
    if kind in _OTHER_FILES:
        raise OutputError(
            f"{path}: a video whose name ends with .avi is written, or a folder"
        )
    return Film(path) if kind == ".avi" else Album(path)


class Film:
    """A video in Motion JPEG, which every OpenCV encodes, at the recording's pace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: Turn | None = None
        self._video: Any = None
        self._size = (0, 0)
        self._count = 0
        try:
            path.touch()
        except OSError as failure:
            raise OutputError(f"{path}: {failure.strerror}") from failure

    def __enter__(self) -> Self:
        return self

    def __call__(self, turn: Turn) -> None:
        """Write a frame; the first waits for the second, which tells the pace."""
        if self._video is not None:
            self._write(turn)
        elif self._first is None:
            self._first = turn
        else:
            begun, now = self._first.frame.taken.seconds, turn.frame.taken.seconds
            self._open(1.0 / (now - begun) if now > begun else _RATE)
            self._write(turn)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._video is None and self._first is not None:
            self._open(_RATE)
        if self._video is None:
            self._path.unlink()  # there was no frame
            return
        self._video.release()
        if failure is None:
            self._check()

    def _open(self, frames_per_second: float) -> None:
        assert self._first is not None
        height, width = self._first.frame.pixels.shape[:2]
        self._size = (width, height)
        with native_messages_to_log():
            self._video = cv2.VideoWriter(
                str(self._path),
                cv2.CAP_OPENCV_MJPEG,
                cv2.VideoWriter.fourcc(*"MJPG"),
                frames_per_second,
                self._size,
            )
        if not self._video.isOpened():
            raise OutputError(f"{self._path}: cannot be written")
        self._write(self._first)

    def _write(self, turn: Turn) -> None:
        pixels = annotated(turn)
        # A video has one size; of frames that change theirs, the first decides.
        if pixels.shape[1::-1] != self._size:
            pixels = np.asarray(cv2.resize(pixels, self._size), np.uint8)
        self._video.write(pixels)
        self._count += 1

    def _check(self) -> None:
        """Read what was written: OpenCV's writer does not tell of a full disk."""
        with native_messages_to_log():
            video = cv2.VideoCapture(str(self._path))
            there = 0
            while video.grab():
                there += 1
        video.release()
        if there < self._count:
            raise OutputError(
                f"{self._path}: {there} of {self._count} frames could be written; "
                "is the disk full?"
            )


class Album:
    """A folder with a picture for each picture, as it was seen at last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown: Turn | None = None
        self._count = 0
        try:
            path.mkdir(parents=True)
        except OSError as failure:
            raise OutputError(f"{path}: {failure.strerror}") from failure

    def __enter__(self) -> Self:
        return self

    def __call__(self, turn: Turn) -> None:
        """Write the picture before, when another one is shown."""
        # A recorded picture is shown for a while: the very same pixels, many frames.
        if self._shown and self._shown.frame.pixels is not turn.frame.pixels:
            self._write(self._shown)
        self._shown = turn

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Of a recording that is damaged further on too, but not on a disk that is full.
        if self._shown is not None and not isinstance(failure, OutputError):
            self._write(self._shown)
        if self._count == 0:
            with contextlib.suppress(OSError):  # somebody else has put something in
                self._path.rmdir()

    def _write(self, turn: Turn) -> None:
        path = self._path / f"{self._count:06d}.jpg"
        there, encoded = cv2.imencode(".jpg", annotated(turn))
        assert there
        try:
            path.write_bytes(encoded.tobytes())
        except OSError as failure:
            raise OutputError(f"{path}: {failure.strerror}") from failure
        self._count += 1


def annotated(turn: Turn) -> Pixels:
    """Return a copy of a frame, uint8 (H, W, 3) BGR, with what was seen in it."""
    pixels = np.ascontiguousarray(turn.frame.pixels).copy()
    # So that a line is seen, and a word read, in a frame of any size.
    unit = max(1, round(max(pixels.shape[:2]) / 640))
    for face in turn.processed.faces:
        _draw(pixels, face, unit)
    return pixels


def _draw(pixels: Pixels, face: Face, unit: int) -> None:
    """Draw a box, its track and emotion above it, and a bar a label below."""
    box = face.box
    left, top = round(box.x), round(box.y)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    for colour, width in ((_BLACK, 3 * unit), (_WHITE, unit)):
        cv2.rectangle(pixels, (left, top), (right, bottom), colour, width)
    line = 14 * unit
    title = f"{face.track} {face.showing or '...'}"
    _write_text(pixels, title, (left, max(line, top - line // 2)), unit)
    for index, (label, score) in enumerate(face.scores.items()):
        base = bottom + (index + 1) * line
        end = left + round(box.width * score)
        corner = (left, base - line + 2 * unit)
        cv2.rectangle(pixels, corner, (end, base), _WHITE, cv2.FILLED)
        _write_text(pixels, f"{label} {score:.2f}", (left, base - 2 * unit), unit)


def _write_text(pixels: Pixels, text: str, where: tuple[int, int], unit: int) -> None:
    for colour, width in ((_BLACK, 3 * unit), (_WHITE, unit)):
        cv2.putText(pixels, text, where, _FONT, 0.45 * unit, colour, width, cv2.LINE_AA)
