"""Cameras that the kernel shows as a file, most of them on USB."""

import errno
import math
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import cv2

from fer_edge.cameras.opencv import OpenCvDevice, silence
from fer_edge.errors import CameraError, CameraLostError

if TYPE_CHECKING:
    from fer_edge.cameras.settings import CameraSettings

# Uncompressed frames of more than this do not fit through USB 2 at 30 a second.
_LARGEST_UNCOMPRESSED = 640 * 480

_VIDEO4LINUX = 81  # the kernel's number for its devices

_V4L_PATIENCE = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"

_MJPEG = cv2.VideoWriter.fourcc(*"MJPG")


@dataclass(frozen=True, slots=True)
class UsbCamera:
    """A camera by its device file."""

    FORMS: ClassVar[tuple[str, ...]] = ("0", "/dev/video0")
    NOUN: ClassVar[str] = "USB camera"
    TAKES_SIZE: ClassVar[bool] = True
    MEND: ClassVar[str] = (
        "v4l2-ctl --list-devices; for a right: sudo usermod -aG video {user}"
    )

    path: Path

    @property
    def held_files(self) -> tuple[str, ...]:
        """Its own, behind any link such as udev makes."""
        return (str(self.path.resolve()),)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Take a number, or a path in /dev."""
        if re.fullmatch(r"[0-9]{1,3}", text):
            return cls(Path(f"/dev/video{int(text)}"))
        return cls(Path(text)) if text.startswith("/dev/") else None

    def opener(self, settings: "CameraSettings") -> Callable[[], OpenCvDevice]:
        """Return what opens its file."""
        return partial(open_device, self, settings)

    def __str__(self) -> str:
        return str(self.path)


def open_device(source: UsbCamera, settings: "CameraSettings") -> OpenCvDevice:
    """Open a USB camera.

    Args:
        source: its device file.
        settings: its size and rate, and how long one frame may take; that once a
            process: the first opening's holds for all.

    Raises:
        CameraError: there is something else, or no permission.
        CameraLostError: it is not there, busy, or gives no frames.
    """
    _check_device(source.path)
    silence()
    # Longer, and whoever waits keeps the device from being opened again. OpenCV reads
    # it from the environment, in whole seconds, at the first frame.
    os.environ.setdefault(_V4L_PATIENCE, str(math.ceil(settings.stall_seconds)))
    video = cv2.VideoCapture(str(source.path), cv2.CAP_V4L2)
    if not video.isOpened():
        raise CameraLostError(
            f"{source}: no camera that gives pictures, or another program uses it"
        )
    for key, value in wishes(settings):
        # A camera that cannot gives what is nearest.
        video.set(key, value)
    return OpenCvDevice(video, str(source))


def wishes(settings: "CameraSettings") -> list[tuple[int, float]]:
    """Return what a USB camera is asked for, in the order that V4L2 wants."""
    asked: list[tuple[int, float]] = []
    if settings.width * settings.height > _LARGEST_UNCOMPRESSED:
        asked.append((cv2.CAP_PROP_FOURCC, _MJPEG))
    if settings.width:
        asked.append((cv2.CAP_PROP_FRAME_WIDTH, settings.width))
        asked.append((cv2.CAP_PROP_FRAME_HEIGHT, settings.height))
    if settings.frames_per_second:
        asked.append((cv2.CAP_PROP_FPS, settings.frames_per_second))
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
