"""A Pi's own camera, through picamera2, which comes from apt and never from pip."""

import atexit
import contextlib
import importlib.util
import logging
import os
import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import cv2

from fer_edge.cameras.pixels import Picture
from fer_edge.errors import CameraError, CameraLostError
from fer_edge.moment import Moment, read_clocks

if TYPE_CHECKING:
    from fer_edge.cameras.settings import CameraSettings

_MODULE = "picamera2"

# What it raises of itself, and where libcamera or the kernel says no.
_FAILURES = (RuntimeError, OSError, IndexError)

# A Pi's camera gives what it is asked for; one on USB what it has. picamera2 names
# colours as libcamera does, from the last byte to the first: its RGB888 is B, G, R in
# memory, which is what frames are. MJPEG it decodes itself, to R, G, B in memory.
_WANTED = "RGB888"
_WANTED_GREY = "YUV420"
_AS_IT_IS = {_WANTED, "XRGB8888"}
_TO_BGR = {
    "BGR888": cv2.COLOR_RGB2BGR,
    "XBGR8888": cv2.COLOR_RGBA2BGR,
    "MJPEG": cv2.COLOR_RGB2BGR,
    "YUV420": cv2.COLOR_YUV2BGR_I420,
    "NV12": cv2.COLOR_YUV2BGR_NV12,
    "YUYV": cv2.COLOR_YUV2BGR_YUYV,
}
# Brightness lies above the colours, and needs no conversion.
_BRIGHTNESS_FIRST = {"YUV420", "NV12"}

# Beyond which a sensor's time stamp is of another clock than ours.
_OLDEST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PiCamera:
    """A camera that libcamera knows: what is plugged into a Pi's flat cable."""

    FORMS: ClassVar[tuple[str, ...]] = ("picamera", "picamera:1")
    NOUN: ClassVar[str] = "Pi's camera"
    TAKES_SIZE: ClassVar[bool] = True
    MEND: ClassVar[str] = (
        "rpicam-hello --list-cameras (libcamera-hello before Trixie); its cable"
    )

    index: int

    @property
    def held_files(self) -> tuple[str, ...]:
        """Those of the sensor and of what processes its pictures, of any number."""
        return ("/dev/media*", "/dev/video*")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Take picamera, and a number behind a colon."""
        found = re.fullmatch(r"picamera(?::(.*))?", text)
        if not found:
            return None
        number = found[1] if found[1] is not None else "0"
        if not re.fullmatch(r"[0-9]{1,2}", number):
            raise CameraError(f"{text}: picamera:1 is the second camera of a Pi")
        return cls(int(number))

    def opener(self, settings: "CameraSettings") -> "Callable[[], PiCameraDevice]":
        """Return what opens and starts it."""
        check_installed()
        return partial(open_picamera, self, settings)

    def __str__(self) -> str:
        return f"picamera:{self.index}"


def check_installed() -> None:
    """Find out whether picamera2 is there, without the second that importing it takes.

    Raises:
        CameraError: how to get it.
    """
    if importlib.util.find_spec(_MODULE) is None:
        raise CameraError(
            "picamera: picamera2 is not installed for this Python: sudo apt install "
            "python3-picamera2, and make its virtual environment with "
            "--system-site-packages"
        )


class PiCameraDevice:
    """A camera that picamera2 has started.

    Args:
        camera: a ``Picamera2``, started.
        name: what messages call it.
        patience_seconds: how long one frame may take.
        grey: keep brightness only.
    """

    def __init__(
        self, camera: Any, name: str, patience_seconds: float, *, grey: bool
    ) -> None:
        self._camera = camera
        self._name = name
        self._patience = patience_seconds
        self._grey = grey
        given = camera.camera_configuration()["main"]
        self._format: str = given["format"]
        self._size: tuple[int, int] = tuple(given["size"])

    def capture(self) -> tuple[Picture, Moment]:
        """Wait for the next picture; the time is when its exposure began.

        Raises:
            CameraLostError: libcamera gives no more.
        """
        try:
            # Without a limit a camera that stalls would keep this thread, and with it
            # the device, which then could not be opened again.
            request = self._camera.capture_request(wait=self._patience)
            try:
                array = request.make_array("main")
                stamp = request.get_metadata().get("SensorTimestamp")
            finally:
                request.release()
        except TimeoutError as failure:
            raise CameraLostError(
                f"{self._name}: no frame for {self._patience:g} s"
            ) from failure
        except _FAILURES as failure:
            raise CameraLostError(f"{self._name}: {_reason(failure)}") from failure
        taken = taken_at(stamp, time.monotonic_ns(), read_clocks())
        return decode(array, self._format, self._size, grey=self._grey), taken

    def close(self) -> None:
        """Let go of the camera."""
        with contextlib.suppress(*_FAILURES):  # it is being given up anyway
            self._camera.close()


def open_picamera(source: PiCamera, settings: "CameraSettings") -> PiCameraDevice:
    """Open and start a Pi's camera.

    Args:
        source: which.
        settings: its size and rate, how long one frame may take, and whether brightness
            is enough, which the camera has without any conversion.

    Raises:
        CameraError: it gives pictures of a kind that nothing here reads.
        CameraLostError: it is not there, busy, or cannot do what is asked.
    """
    # libcamera tells its version and every configuration on standard error; picamera2
    # logs what it raises, which is told here, and once.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    logging.getLogger(_MODULE).setLevel(logging.CRITICAL)
    from picamera2 import Picamera2

    try:
        count = len(Picamera2.global_camera_info())
        if source.index >= count:
            raise CameraLostError(
                f"{source}: no such camera; libcamera knows {count}, is it plugged in?"
            )
        camera = Picamera2(source.index)
    except _FAILURES as failure:
        raise CameraLostError(
            f"{source}: {_reason(failure)}; does another program use it?"
        ) from failure
    # Whoever hangs in the driver would hang there again while the process ends.
    atexit.unregister(camera.close)
    try:
        asked = wishes(settings, camera.camera_controls)
        camera.configure(camera.create_video_configuration(**asked))
        camera.start()
    except _FAILURES as failure:
        camera.close()
        raise CameraLostError(f"{source}: {_reason(failure)}") from failure
    return PiCameraDevice(
        camera, str(source), settings.stall_seconds, grey=settings.grey
    )


def wishes(settings: "CameraSettings", controls: Container[str]) -> dict[str, Any]:
    """Return what ``create_video_configuration`` is given.

    Args:
        settings: size, rate, and whether colours are thrown away.
        controls: names of those that the camera has: not each has a frame rate.
    """
    main: dict[str, Any] = {"format": _WANTED_GREY if settings.grey else _WANTED}
    if settings.width:
        main["size"] = (settings.width, settings.height)
    limits = {}
    if settings.frames_per_second and "FrameDurationLimits" in controls:
        microseconds = round(1e6 / settings.frames_per_second)
        limits["FrameDurationLimits"] = (microseconds, microseconds)
    return {"main": main, "controls": limits}


def decode(
    array: Picture, layout: str, size: tuple[int, int], *, grey: bool
) -> Picture:
    """Return the picture in an array of picamera2.

    Args:
        array: as its ``make_array`` returns it.
        layout: what libcamera calls it.
        size: width and height of the picture; rows may be longer.
        grey: brightness is enough.

    Returns:
        uint8 (H, W) or (H, W, 3 or 4), grey, BGR or BGRA.

    Raises:
        CameraError: of another layout.
    """
    width, height = size
    if grey and layout in _BRIGHTNESS_FIRST:
        return array[:height, :width]
    if layout in _TO_BGR:
        array = cv2.cvtColor(array, _TO_BGR[layout])
    elif layout not in _AS_IT_IS:
        known = ", ".join(sorted(_AS_IT_IS | set(_TO_BGR)))
        raise CameraError(f"picamera: pictures of {layout}; allowed are {known}")
    return array[:height, :width]


def _reason(failure: BaseException) -> str:
    """Return what began it: on top lies "__init__ sequence did not complete"."""
    while failure.__cause__ is not None:
        failure = failure.__cause__
    return str(failure).rstrip(".")


def taken_at(stamp: int | None, now: int, arrived: Moment) -> Moment:
    """Return when a picture was taken.

    Args:
        stamp: the sensor's, nanoseconds of the steady clock; None if it has none.
        now: of the steady clock, nanoseconds.
        arrived: the same on both clocks.

    Returns:
        The sensor's time, or the arrival's where that makes no sense.
    """
    age = 0.0 if stamp is None else (now - stamp) / 1e9
    if not 0.0 <= age <= _OLDEST_SECONDS:
        return arrived
    return Moment(arrived.seconds - age, arrived.at - timedelta(seconds=age))
