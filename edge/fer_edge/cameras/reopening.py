"""A live camera for a year: if it fails, stalls or freezes, it is opened again."""

import logging
import time
from collections.abc import Callable

from fer_edge.cameras import Frame
from fer_edge.cameras.freeze import FreezeWatch
from fer_edge.cameras.newest import NewestFrame
from fer_edge.cameras.retries import Retries
from fer_edge.cameras.settings import CameraSettings
from fer_edge.errors import CameraLostError
from fer_edge.moment import read_clocks

_LOGGER = logging.getLogger(__name__)

# Each holds a thread, buffers and perhaps the device.
_MOST_HANGING = 3


class ReopeningCamera:
    """Gives the newest frames of a live camera, opening it as often as it takes.

    A failure is logged when it begins and when it is over, each of its reasons once,
    not at every try.

    Args:
        name: what messages call it, without password.
        open_camera: begins to open it and returns at once.
        settings: its times.
    """

    def __init__(
        self,
        name: str,
        open_camera: Callable[[], NewestFrame],
        settings: CameraSettings,
    ) -> None:
        now = read_clocks().seconds
        self._name = name
        self._open_camera = open_camera
        self._stall = settings.stall_seconds
        self._give_up = settings.give_up_seconds
        self._retries = Retries(
            settings.first_retry_seconds,
            settings.longest_retry_seconds,
            settings.give_up_seconds,
            now,
        )
        self._freeze = FreezeWatch(settings.frozen_seconds)
        self._camera: NewestFrame | None = None
        self._left_behind: list[NewestFrame] = []
        self._heard = now
        self._failure: CameraLostError | None = None
        self._told: set[str] = set()
        self.openings = 0
        """How often it was opened."""

    def read(self, timeout_seconds: float) -> Frame | None:
        """Return the newest frame, or None if none came within the time.

        Raises:
            CameraLostError: none has come for longer than the settings allow.
            CameraError: none will ever come: no permission, or no camera at all.
        """
        until = read_clocks().seconds + timeout_seconds
        camera = self._camera or self._open_when_due(until)
        if camera is None:
            return None
        try:
            frame = camera.read(max(0.0, until - read_clocks().seconds))
        except CameraLostError as failure:
            self._close_failed(failure)
            return None
        now = read_clocks().seconds
        if frame is None:
            if now - self._heard >= self._stall:
                self._close_failed(
                    CameraLostError(f"{self._name}: no frame for {self._stall:g} s")
                )
            return None
        self._heard = now
        self._note_frame(now)
        if frozen := self._freeze.frozen_for(frame.pixels, now):
            self._close_failed(
                CameraLostError(f"{self._name}: the same frame for {frozen:.0f} s")
            )
            return None
        return frame

    def close(self) -> None:
        """Let go of the camera."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _open_when_due(self, until: float) -> NewestFrame | None:
        now = read_clocks().seconds
        wait = min(self._retries.due, until) - now
        if wait > 0:
            time.sleep(wait)
            now = read_clocks().seconds
        self._check_patience(now)
        if now < self._retries.due:
            return None
        self._retries.opened(now)
        self._heard = now
        self.openings += 1
        self._camera = self._open_camera()
        return self._camera

    def _note_frame(self, now: float) -> None:
        if self._failure is not None:
            gone = now - self._retries.good
            _LOGGER.warning("%s: frames again, after %.0f s", self._name, gone)
            self._failure = None
            self._told.clear()
        self._retries.frame(now)

    def _close_failed(self, failure: CameraLostError) -> None:
        # Two reasons may take turns: no frame, then no answer, then no frame.
        if str(failure) not in self._told:
            _LOGGER.warning("%s; opening it again until frames come", failure)
        self._told.add(str(failure))
        self._failure = failure
        if self._camera is not None:
            self._camera.close()
            self._left_behind.append(self._camera)
            self._camera = None
        self._left_behind = [one for one in self._left_behind if one.hangs]
        now = read_clocks().seconds
        self._retries.failed(now)
        self._check_patience(now)
        if len(self._left_behind) > _MOST_HANGING:
            raise CameraLostError(
                f"{failure}; its driver hangs, {len(self._left_behind)} times by now"
            )

    def _check_patience(self, now: float) -> None:
        if self._failure is not None and self._retries.exhausted(now):
            raise CameraLostError(
                f"{self._failure}; given up, {self._give_up:g} s without a frame"
            ) from self._failure
