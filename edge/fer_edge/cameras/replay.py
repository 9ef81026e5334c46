"""Recorded cameras: a video, a picture, or a folder of pictures, as fast as possible.

Time runs as it did in the recording: the same file gives the same events.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from fer_contract.image_files import SUFFIXES, is_cut_off
from fer_contract.preprocess import Pixels
from fer_contract.quiet import native_messages_to_log
from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.cameras.opencv import silence
from fer_edge.cameras.pixels import View, upright
from fer_edge.errors import CameraError
from fer_edge.moment import Moment
from fer_edge.names import is_utf8

_LOGGER = logging.getLogger(__name__)

# Pictures have no time of their own, so each is shown to a camera that stands still.
# The pause is longer than any face is remembered by default: a face in the next
# picture is another face.
_PICTURE_SECONDS = 2.0
_PICTURE_FRAMES_PER_SECOND = 10
_PAUSE_SECONDS = 5.0

_AS_IT_IS = View()


@dataclass(frozen=True, slots=True)
class _Clock:
    start: datetime

    def moment(self, seconds: float) -> Moment:
        return Moment(seconds, self.start + timedelta(seconds=seconds))


class VideoReplay:
    """The frames of a video file, at the times that the file gives them.

    Args:
        path: anything that OpenCV decodes.
        start: wall time of the first frame, with time zone.
        view: how its frames are turned.

    Raises:
        CameraError: no video that can be read.
    """

    def __init__(self, path: Path, start: datetime, view: View = _AS_IT_IS) -> None:
        _check_readable(path)
        self._path = path
        self._view = view
        self._clock = _Clock(start)
        silence()
        with native_messages_to_log():
            self._video = cv2.VideoCapture(str(path))
        if not self._video.isOpened():
            raise CameraError(f"{path}: not a video, damaged, or of unknown coding")
        rate = self._video.get(cv2.CAP_PROP_FPS)
        self._frame_seconds = 1.0 / rate if 0 < rate <= 1000 else 1.0 / 30
        self._count = 0
        self._seconds = 0.0
        self._ended = False

    def read(self, timeout_seconds: float) -> Frame:  # noqa: ARG002 - never waits
        """Return the next frame, or raise EndOfFrames after the last one."""
        there, pixels = self._video.read()
        if not there:
            if self._count == 0:
                raise CameraError(f"{self._path}: a video without a frame")
            announced = round(self._video.get(cv2.CAP_PROP_FRAME_COUNT))
            if self._count < announced and not self._ended:
                _LOGGER.warning(
                    "%s: ended after %d of %d frames; the rest is damaged or missing",
                    self._path, self._count, announced,
                )  # fmt: skip
            self._ended = True
            raise EndOfFrames
        position = self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        # Some containers give no times; then the rate must do. Never backwards.
        expected = self._count * self._frame_seconds
        steady = position if position > 0 else expected
        self._seconds = max(self._seconds, steady)
        self._count += 1
        return Frame(upright(pixels, self._view), self._clock.moment(self._seconds))

    def close(self) -> None:
        """Close the file."""
        self._video.release()


class PictureReplay:
    """Pictures, each shown for two seconds, with a pause between.

    Args:
        paths: of the pictures, in order.
        start: wall time of the first frame, with time zone.
        view: how they are turned.
    """

    def __init__(
        self, paths: list[Path], start: datetime, view: View = _AS_IT_IS
    ) -> None:
        self._frames = self._play(paths, _Clock(start), view)

    def read(self, timeout_seconds: float) -> Frame:  # noqa: ARG002 - never waits
        """Return the next frame, or raise EndOfFrames after the last one."""
        frame = next(self._frames, None)
        if frame is None:
            raise EndOfFrames
        return frame

    def close(self) -> None:
        """Show no more."""
        self._frames = iter(())

    @staticmethod
    def _play(paths: list[Path], clock: _Clock, view: View) -> Iterator[Frame]:
        begin = 0.0
        for path in paths:
            pixels = upright(_picture(path), view)
            for index in range(round(_PICTURE_SECONDS * _PICTURE_FRAMES_PER_SECOND)):
                seconds = begin + index / _PICTURE_FRAMES_PER_SECOND
                yield Frame(pixels, clock.moment(seconds))
            begin += _PICTURE_SECONDS + _PAUSE_SECONDS


def open_replay(source: Path, start: datetime, view: View = _AS_IT_IS) -> Camera:
    """Open what was recorded.

    Args:
        source: a video file, a picture, or a folder of pictures.
        start: wall time of the first frame, with time zone.
        view: how frames are turned.

    Raises:
        CameraError: nothing there that can be shown.
    """
    if source.is_dir():
        paths = sorted(
            path
            for path in source.iterdir()
            if path.suffix.lower() in SUFFIXES
            and not path.name.startswith(".")
            and path.is_file()
        )
        if not paths:
            kinds = ", ".join(sorted(SUFFIXES))
            raise CameraError(f"{source}: no picture in this folder ({kinds})")
        return PictureReplay(paths, start, view)
    if not source.is_file():
        raise CameraError(f"{source}: no such file or folder")
    if source.suffix.lower() in SUFFIXES:
        return PictureReplay([source], start, view)
    return VideoReplay(source, start, view)


def _picture(path: Path) -> Pixels:
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise CameraError(f"{path}: {failure.strerror}") from failure
    pixels = None
    if content and not is_cut_off(content):
        # OpenCV raises what it thinks too large, and calls all else None.
        with native_messages_to_log(), contextlib.suppress(cv2.error):
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise CameraError(f"{path}: not a picture, damaged, or too large")
    return np.asarray(pixels, np.uint8)


def _check_readable(path: Path) -> None:
    """Say why a file cannot be read: OpenCV only says that it cannot."""
    if not is_utf8(path):
        raise CameraError(f"{path}: the name is not UTF-8, which OpenCV needs")
    try:
        path.open("rb").close()
    except OSError as failure:
        raise CameraError(f"{path}: {failure.strerror}") from failure
