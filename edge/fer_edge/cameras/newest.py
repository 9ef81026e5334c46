"""The newest frame of a camera that makes its reader wait."""

import threading
from collections.abc import Callable
from typing import Protocol

from fer_edge.cameras import Frame
from fer_edge.cameras.pixels import Picture, View, upright
from fer_edge.moment import Moment

# A driver that answers lets go of its device within this, before it is opened again.
_CLOSE_SECONDS = 1.0


class Device(Protocol):
    """A camera whose every call may take its time, or never return."""

    def capture(self) -> tuple[Picture, Moment]:
        """Wait for the next picture; return it with the time when it was taken.

        Raises:
            CameraLostError: there will be none until the device is opened again.
        """

    def close(self) -> None:
        """Let go of the device."""


class NewestFrame:
    """Reads a device as fast as it gives, and keeps one frame, the newest.

    A thread opens, reads and closes the device, so that whoever wants a frame never
    waits for a driver. Where the driver hangs, the thread is left behind with it.

    Args:
        open_device: called in the thread.
        view: how the camera is mounted.
    """

    def __init__(self, open_device: Callable[[], Device], view: View) -> None:
        self._open_device = open_device
        self._view = view
        self._changed = threading.Condition()
        self._newest: tuple[Picture, Moment] | None = None
        self._latest = float("-inf")
        self._dropped = 0
        self._failure: Exception | None = None
        self._closing = threading.Event()
        # A thread that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    @property
    def hangs(self) -> bool:
        """Whether, after ``close``, the driver still keeps the thread."""
        return self._thread.is_alive()

    def read(self, timeout_seconds: float) -> Frame | None:
        """Return the newest frame not yet given, or None if none came in time.

        Raises:
            CameraError: what ended the device.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or self._failure is not None,
                timeout_seconds,
            )
            newest, self._newest = self._newest, None
            if newest is None:
                if self._failure is not None:
                    raise self._failure
                return None
            dropped, self._dropped = self._dropped, 0
        picture, taken = newest
        return Frame(upright(picture, self._view), taken, dropped)

    def close(self) -> None:
        """Tell the thread to close the device; wait a moment for it."""
        self._closing.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            self._drain()
        # Not handled here but in the thread of the reader, whatever it is.
        except Exception as failure:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _drain(self) -> None:
        device = self._open_device()
        try:
            while not self._closing.is_set():
                picture, taken = device.capture()
                with self._changed:
                    self._keep(picture, taken)
        finally:
            device.close()

    def _keep(self, picture: Picture, taken: Moment) -> None:
        if self._newest is not None or taken.seconds < self._latest:
            self._dropped += 1
        if taken.seconds >= self._latest:
            self._latest = taken.seconds
            self._newest = (picture, taken)
            self._changed.notify_all()
