"""A Pi's own camera, through picamera2, which comes from apt and never from pip."""

import atexit
import contextlib
import importlib.util
import os
import time
from datetime import timedelta
from typing import Any

from fer_edge.cameras.pixels import Picture
from fer_edge.cameras.source import PiCamera
from fer_edge.errors import CameraError, CameraLostError
from fer_edge.moment import Moment, read_clocks

_MODULE = "picamera2"

# What it raises of itself, and where libcamera or the kernel says no.
_FAILURES = (RuntimeError, OSError, IndexError)

# Beyond which a sensor's time stamp is of another clock than ours.
_OLDEST_SECONDS = 5.0


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
        grey_size: width and height if its frames are YUV420, of which Y is kept.
    """

    def __init__(
        self, camera: Any, name: str, grey_size: tuple[int, int] | None
    ) -> None:
        self._camera = camera
        self._name = name
        self._grey_size = grey_size

    def capture(self) -> tuple[Picture, Moment]:
        """Wait for the next picture; the time is when its exposure began.

        Raises:
            CameraLostError: libcamera gives no more.
        """
        try:
            request = self._camera.capture_request()
            try:
                picture = request.make_array("main")
                stamp = request.get_metadata().get("SensorTimestamp")
            finally:
                request.release()
        except _FAILURES as failure:
            raise CameraLostError(f"{self._name}: {failure}") from failure
        if self._grey_size is not None:
            # Below the Y plane lie U and V, beside it what fills its rows up.
            width, height = self._grey_size
            picture = picture[:height, :width]
        return picture, taken_at(stamp, time.monotonic_ns(), read_clocks())

    def close(self) -> None:
        """Let go of the camera."""
        with contextlib.suppress(*_FAILURES):  # it is being given up anyway
            self._camera.close()


def open_picamera(
    source: PiCamera, width: int, height: int, frames_per_second: float, *, grey: bool
) -> PiCameraDevice:
    """Open and start a Pi's camera.

    Args:
        source: which.
        width: to ask for, in pixels; 0 is picamera2's own.
        height: as width.
        frames_per_second: to ask for; 0 is picamera2's own.
        grey: take brightness only, which the camera has without any conversion.

    Raises:
        CameraLostError: it is not there, busy, or cannot do what is asked.
    """
    # libcamera tells its version and every configuration on standard error.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    from picamera2 import Picamera2

    try:
        count = len(Picamera2.global_camera_info())
        if source.index >= count:
            raise CameraLostError(
                f"{source}: no such camera; libcamera knows {count}, is it plugged in?"
            )
        camera = Picamera2(source.index)
    except _FAILURES as failure:
        raise CameraLostError(f"{source}: {failure}; is it in use?") from failure
    # Whoever hangs in the driver would hang there again while the process ends.
    atexit.unregister(camera.close)
    try:
        camera.configure(
            camera.create_video_configuration(
                **wishes(width, height, frames_per_second, grey=grey)
            )
        )
        size = camera.camera_configuration()["main"]["size"]
        camera.start()
    except _FAILURES as failure:
        camera.close()
        raise CameraLostError(f"{source}: {failure}") from failure
    return PiCameraDevice(camera, str(source), size if grey else None)


def wishes(
    width: int, height: int, frames_per_second: float, *, grey: bool
) -> dict[str, Any]:
    """Return what ``create_video_configuration`` is given."""
    # What picamera2 calls RGB888 is B, G, R in memory.
    main: dict[str, Any] = {"format": "YUV420" if grey else "RGB888"}
    if width:
        main["size"] = (width, height)
    controls = {}
    if frames_per_second:
        microseconds = round(1e6 / frames_per_second)
        controls["FrameDurationLimits"] = (microseconds, microseconds)
    return {"main": main, "controls": controls}


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
