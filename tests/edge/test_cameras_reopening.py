"""Drivers that hang: how long the daemon waits for them, and how often."""

import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from fer_edge.cameras import Frame
from fer_edge.cameras.newest import Device, NewestFrame
from fer_edge.cameras.pixels import Picture, View
from fer_edge.cameras.reopening import ReopeningCamera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.errors import CameraLostError
from fer_edge.moment import Moment, read_clocks

_LONG = 60.0  # seconds; a deadline, not what anything here takes
_HASTY = CameraSettings(
    stall_seconds=0.3,
    first_retry_seconds=0.05,
    longest_retry_seconds=0.1,
    give_up_seconds=_LONG,
    frozen_seconds=0.0,
)


class Hanging:
    """Gives so many frames, then waits for a file that nobody writes."""

    def __init__(self, pipe: Path, frames: int) -> None:
        self._pipe = pipe
        self._frames = frames

    def capture(self) -> tuple[Picture, Moment]:
        if self._frames == 0:
            self._pipe.read_bytes()
            raise CameraLostError("door: unplugged")
        self._frames -= 1
        return np.full((2, 2, 3), self._frames, np.uint8), read_clocks()

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A pipe; at the end, whoever hangs on it is let go."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    yield path
    until = time.monotonic() + _LONG
    while any(thread.name == "camera" for thread in threading.enumerate()):
        assert time.monotonic() < until
        # Nobody hangs on it just now where this fails.
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            time.sleep(0.01)


def _camera(
    open_device: Callable[[], Device], settings: CameraSettings = _HASTY
) -> ReopeningCamera:
    return ReopeningCamera("door", lambda: NewestFrame(open_device, View()), settings)


def _read(camera: ReopeningCamera, enough: Callable[[], bool]) -> list[Frame]:
    frames = []
    until = time.monotonic() + _LONG
    while not enough() and time.monotonic() < until:
        frame = camera.read(0.05)
        frames += [frame] if frame is not None else []
    return frames


def test_driver_that_hangs_at_times(
    pipe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left behind, and the device opened anew."""
    camera = _camera(lambda: Hanging(pipe, 1))
    frames = _read(camera, lambda: camera.openings == 3)
    # The third opening may have brought its frame already.
    assert len(frames) in (2, 3)
    lost, back, *_ = caplog.messages
    assert lost == "door: no frame for 0.3 s; opening it again until frames come"
    assert re.fullmatch(r"door: frames again, after \d+ s", back)
    camera.close()


def test_driver_that_hangs_for_ever(
    pipe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A few threads are left behind, not one a try: only a new process helps."""
    camera = _camera(lambda: Hanging(pipe, 0))
    with pytest.raises(CameraLostError) as caught:
        _read(camera, lambda: False)
    assert str(caught.value) == (
        "door: no frame for 0.3 s; its driver hangs, 4 times by now"
    )
    assert camera.openings == 4
    assert caught.value.exit_code == 3
    # Once, not at every try.
    assert caplog.messages == [
        "door: no frame for 0.3 s; opening it again until frames come"
    ]
    camera.close()


def test_reasons_that_take_turns(caplog: pytest.LogCaptureFixture) -> None:
    """Each is told once, and the last one when the camera is given up."""
    reasons = itertools.cycle(["away", "busy"])

    def fail() -> Device:
        raise CameraLostError(f"door: {next(reasons)}")

    camera = _camera(fail, replace(_HASTY, give_up_seconds=2.0))
    with pytest.raises(CameraLostError, match=r"; given up, 2 s without a frame$"):
        _read(camera, lambda: False)
    assert camera.openings > 2
    assert caplog.messages == [
        "door: away; opening it again until frames come",
        "door: busy; opening it again until frames come",
    ]
    camera.close()


def test_read_of_a_camera_that_is_away() -> None:
    """It takes its time, no less: the caller has nothing else to wait for."""

    def fail() -> Device:
        raise CameraLostError("door: away")

    camera = _camera(fail, CameraSettings())
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:
        before = time.monotonic()
        assert camera.read(0.1) is None
        waited = time.monotonic() - before
        assert waited >= 0.09 or camera.openings == 1
    camera.close()


def test_mistake_in_a_driver() -> None:
    """What is no failure of a camera is passed on as it is."""

    def fail() -> Device:
        raise ZeroDivisionError

    camera = _camera(fail)
    with pytest.raises(ZeroDivisionError):
        _read(camera, lambda: False)
    camera.close()


def test_close_before_the_first_read() -> None:
    """A camera that was never read was never opened."""
    opened: list[datetime] = []

    def note() -> Device:
        opened.append(datetime.now(UTC))
        raise CameraLostError("door: away")

    _camera(note).close()
    assert opened == []
