"""Cameras through OpenCV: USB cameras by device file, network cameras by URL."""

import errno
import math
import os
import stat
from pathlib import Path
from typing import Any

import cv2

from fer_edge.cameras.pixels import Picture
from fer_edge.cameras.source import Stream, VideoDevice
from fer_edge.errors import CameraError, CameraLostError
from fer_edge.moment import Moment, read_clocks

# Uncompressed frames of more than this do not fit through USB 2 at 30 a second.
_LARGEST_UNCOMPRESSED = 640 * 480

_VIDEO4LINUX = 81  # the kernel's number for its devices

# One in a while is passed over: a lost packet. Of a USB camera's OpenCV does not tell
# and gives the frame before once more; ``FreezeWatch`` sees it if that goes on.
_MOST_DAMAGED = 30

_V4L_PATIENCE = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"

_SILENT = 0  # OpenCV's level of logging for nothing at all

_MJPEG = cv2.VideoWriter.fourcc(*"MJPG")


class OpenCvDevice:
    """A camera that OpenCV has opened.

    Args:
        video: opened.
        name: what messages call it.
    """

    def __init__(self, video: cv2.VideoCapture, name: str) -> None:
        self._video = video
        self._name = name

    def capture(self) -> tuple[Picture, Moment]:
        """Wait for the next picture; the time is when it arrived.

        Raises:
            CameraLostError: the camera gives no more.
        """
        for _ in range(_MOST_DAMAGED):
            if not self._video.grab():
                raise CameraLostError(f"{self._name}: it gives no more frames")
            taken = read_clocks()
            there, picture = self._video.retrieve()
            if there:
                return picture, taken
        raise CameraLostError(f"{self._name}: its frames cannot be decoded")

    def close(self) -> None:
        """Let go of the camera."""
        self._video.release()


def open_stream(source: Stream, patience_seconds: float) -> OpenCvDevice:
    """Open a network camera.

    RTSP goes by TCP, and by UDP only where the camera has no TCP: that is OpenCV's own
    choice, ``rtsp_flags;prefer_tcp``, and right for Wi-Fi, where each packet that UDP
    loses leaves a smear until the next whole picture.

    Args:
        source: where it is.
        patience_seconds: how long opening or one frame may take.

    Raises:
        CameraLostError: it does not answer, or not with a video.
    """
    silence()
    milliseconds = round(1000 * patience_seconds)
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds,
    ]  # fmt: skip
    video = cv2.VideoCapture(source.url, cv2.CAP_FFMPEG, limits)
    if not video.isOpened():
        raise CameraLostError(
            f"{source}: no answer, no video there, or user and password are refused"
        )
    return OpenCvDevice(video, str(source))


def open_device(
    source: VideoDevice,
    width: int,
    height: int,
    frames_per_second: float,
    patience_seconds: float,
) -> OpenCvDevice:
    """Open a USB camera.

    Args:
        source: its device file.
        width: to ask for, in pixels; 0 is the camera's own.
        height: as width.
        frames_per_second: to ask for; 0 is the camera's own.
        patience_seconds: how long one frame may take, once a process: the first
            opening's holds for all.

    Raises:
        CameraError: there is something else, or no permission.
        CameraLostError: it is not there, busy, or gives no frames.
    """
    _check_device(source.path)
    silence()
    # Longer, and whoever waits keeps the device from being opened again. OpenCV reads
    # it from the environment, in whole seconds, at the first frame.
    os.environ.setdefault(_V4L_PATIENCE, str(math.ceil(patience_seconds)))
    video = cv2.VideoCapture(str(source.path), cv2.CAP_V4L2)
    if not video.isOpened():
        raise CameraLostError(
            f"{source}: no camera that gives pictures, or another program uses it"
        )
    for key, value in wishes(width, height, frames_per_second):
        # A camera that cannot gives what is nearest.
        video.set(key, value)
    return OpenCvDevice(video, str(source))


def wishes(
    width: int, height: int, frames_per_second: float
) -> list[tuple[int, float]]:
    """Return what a USB camera is asked for, in the order that V4L2 wants."""
    asked: list[tuple[int, float]] = []
    if width * height > _LARGEST_UNCOMPRESSED:
        asked.append((cv2.CAP_PROP_FOURCC, _MJPEG))
    if width:
        asked.append((cv2.CAP_PROP_FRAME_WIDTH, width))
        asked.append((cv2.CAP_PROP_FRAME_HEIGHT, height))
    if frames_per_second:
        asked.append((cv2.CAP_PROP_FPS, frames_per_second))
    return asked


def _check_device(path: Path) -> None:
    """Say why a device cannot be opened: OpenCV only says that it cannot."""
    try:
        # A device that hangs at an ordinary opening answers this one.
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as failure:
        raise _unopened(path, failure) from failure
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) != _VIDEO4LINUX:
        raise CameraError(f"{path}: not a camera")


def _unopened(path: Path, failure: OSError) -> CameraError:
    match failure.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return CameraLostError(f"{path}: no such camera; is it plugged in?")
        case errno.EBUSY:
            return CameraLostError(f"{path}: busy; another program uses it")
        case errno.EACCES if _is_just_made(path):
            return CameraLostError(f"{path}: only root may use it, as yet")
        case errno.EACCES | errno.EPERM:
            return CameraError(
                f"{path}: no permission; the user must be in the group of the file "
                "(video)"
            )
        case _:
            return CameraError(f"{path}: {failure.strerror}")


def _is_just_made(path: Path) -> bool:
    """Tell whether a device is as the kernel makes it, before udev gives it a group.

    That takes a moment after a camera is plugged in, and some seconds while the system
    starts.
    """
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 0, 0o600)


def silence() -> None:
    """Keep OpenCV and FFmpeg from writing to standard error.

    They do so at each damaged frame and each try, and some lines hold the URL with its
    password. FFmpeg's level is read from the environment, once, at its first use.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # In a module of its own only since 4.12, which needs numpy 2; with Debian 12's
    # picamera2 goes numpy 1.
    logging: Any = getattr(cv2.utils, "logging", cv2)
    logging.setLogLevel(_SILENT)
