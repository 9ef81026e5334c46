"""The newest frame of a device that makes its reader wait, or hangs."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from fer_edge.cameras import Frame
from fer_edge.cameras.newest import NewestFrame
from fer_edge.cameras.pixels import Picture, View
from fer_edge.errors import CameraError, CameraLostError
from fer_edge.moment import Moment, read_clocks

_LONG = 20.0  # seconds; a deadline, not what anything here takes
_BRIEF = 0.05


class PipeDevice:
    """A device of the kernel that waits like a camera: each byte is a grey frame.

    A test writes the bytes; at the end of the file the camera is unplugged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self.closed = threading.Event()
        self.waiting = threading.Semaphore(0)
        """Released as often as the driver has gone to wait for a frame."""

    def open(self) -> Self:
        self._file = os.open(self._path, os.O_RDONLY)
        return self

    def capture(self) -> tuple[Picture, Moment]:
        self.waiting.release()
        data = os.read(self._file, 1)
        if not data:
            raise CameraLostError("pipe: unplugged")
        return np.full((2, 3), data[0], np.uint8), read_clocks()

    def close(self) -> None:
        os.close(self._file)
        self.closed.set()


class Wire:
    """Where a test writes what the camera sees."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.device = PipeDevice(path)
        self._path = path
        self._file = -1

    def connect(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY)

    def send(self, *levels: int) -> None:
        """Send frames; return when the driver has taken all and waits for the next."""
        self.write(bytes(levels))
        for _ in levels:
            self.wait()

    def write(self, frames: bytes) -> None:
        os.write(self._file, frames)

    def wait(self) -> None:
        """Return when the driver has gone to wait for a frame."""
        assert self.device.waiting.acquire(timeout=_LONG)

    def unplug(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """A wire to a camera, which is unplugged at last."""
    wire = Wire(tmp_path / "camera")
    yield wire
    wire.unplug()


@pytest.fixture
def camera(wire: Wire) -> Iterator[NewestFrame]:
    """The camera at the other end."""
    camera = NewestFrame(wire.device.open, View())
    wire.connect()
    wire.wait()
    yield camera
    wire.unplug()
    camera.close()
    assert not camera.hangs


def _level(frame: Frame | None) -> int:
    assert frame is not None
    assert frame.pixels.shape == (2, 3, 3)
    return int(frame.pixels[0, 0, 0])


def test_slow_reader(wire: Wire, camera: NewestFrame) -> None:
    """Of many frames it gets the newest, and hears how many it missed."""
    wire.send(1)
    first = camera.read(_LONG)
    assert (_level(first), first and first.dropped) == (1, 0)
    wire.send(2, 3, 4, 5)
    second = camera.read(_LONG)
    assert (_level(second), second and second.dropped) == (5, 3)
    wire.send(6)
    third = camera.read(_LONG)
    assert (_level(third), third and third.dropped) == (6, 0)


def test_fast_reader(wire: Wire, camera: NewestFrame) -> None:
    """No frame is given twice: a reader that is too early gets none."""
    wire.send(1)
    assert _level(camera.read(_LONG)) == 1
    assert camera.read(_BRIEF) is None
    assert camera.read(0.0) is None


def test_frame_that_comes_while_waited_for(wire: Wire, camera: NewestFrame) -> None:
    """The reader is woken by it, long before its deadline."""
    sender = threading.Timer(0.1, wire.send, [9])
    sender.start()
    begun = time.monotonic()
    assert _level(camera.read(10 * _LONG)) == 9
    assert time.monotonic() - begun < 5 * _LONG
    sender.join()


def test_time_of_a_frame(wire: Wire, camera: NewestFrame) -> None:
    """It is when the frame came, not when it was read."""
    before = read_clocks()
    wire.send(1)
    after = read_clocks()
    time.sleep(_BRIEF)
    frame = camera.read(_LONG)
    assert frame is not None
    assert before.seconds <= frame.taken.seconds <= after.seconds
    assert before.at <= frame.taken.at <= after.at
    assert frame.taken.at.tzinfo is UTC


def test_device_that_hangs(wire: Wire, camera: NewestFrame) -> None:
    """Reads keep their deadline; closed, the camera leaves its thread behind."""
    assert camera.read(_BRIEF) is None
    camera.close()
    assert camera.hangs
    wire.unplug()  # the driver answers at last: its thread closes the device and ends
    assert wire.device.closed.wait(_LONG)


def test_device_that_hangs_while_opened(wire: Wire) -> None:
    """Nobody waits for an opening either."""
    camera = NewestFrame(wire.device.open, View())  # a FIFO waits for its writer
    assert camera.read(_BRIEF) is None
    camera.close()
    assert camera.hangs
    wire.connect()
    assert wire.device.closed.wait(_LONG)


def test_device_that_is_closed(wire: Wire, camera: NewestFrame) -> None:
    """A camera that gives frames is let go of with the next one."""
    frames = threading.Timer(0.2, wire.write, [b"\1"])
    frames.start()
    camera.close()
    frames.join()
    assert wire.device.closed.wait(_LONG)


def test_camera_that_is_unplugged(wire: Wire, camera: NewestFrame) -> None:
    """The last frame is still given, then the failure, again and again."""
    wire.send(1)
    wire.unplug()
    assert wire.device.closed.wait(_LONG)
    assert _level(camera.read(_LONG)) == 1
    for _ in range(2):
        with pytest.raises(CameraLostError, match=r"^pipe: unplugged$"):
            camera.read(_LONG)


def test_camera_that_cannot_be_opened(tmp_path: Path) -> None:
    """Whatever its opening raises is raised where it is read."""
    camera = NewestFrame(PipeDevice(tmp_path / "nothing").open, View())
    with pytest.raises(FileNotFoundError):
        camera.read(_LONG)
    camera.close()
    assert not camera.hangs


class Scripted:
    """Gives these pictures with these times, then hangs up."""

    def __init__(self, *script: tuple[Picture, float]) -> None:
        self._script = iter(script)

    def open(self) -> Self:
        return self

    def capture(self) -> tuple[Picture, Moment]:
        for picture, seconds in self._script:
            return picture, Moment(seconds, datetime(2024, 1, 1, tzinfo=UTC))
        raise CameraLostError("script: at its end")

    def close(self) -> None:
        """Nothing to close."""


def _after_all(*script: tuple[Picture, float]) -> NewestFrame:
    camera = NewestFrame(Scripted(*script).open, View())
    while camera.hangs:
        time.sleep(0.001)
    return camera


def test_frame_older_than_the_last() -> None:
    """A driver whose time stamps run backwards does not give an old frame as new."""
    old, new = np.full((2, 2), 1, np.uint8), np.full((2, 2), 2, np.uint8)
    frame = _after_all((new, 7.0), (old, 6.5)).read(_LONG)
    assert frame is not None
    assert (frame.pixels[0, 0, 0], frame.taken.seconds, frame.dropped) == (2, 7.0, 1)


def test_picture_that_is_none() -> None:
    """A driver that gives what is no picture is named, not shown."""
    camera = _after_all((np.zeros((2, 2, 3), np.float32), 1.0))
    with pytest.raises(CameraError, match=r"^camera: a picture of float32 \(2, 2, 3\)"):
        camera.read(_LONG)


def test_frames_of_changing_size() -> None:
    """They are given as they come."""
    wide: Picture = np.zeros((2, 9, 3), np.uint8)
    tall: Picture = np.zeros((9, 2, 4), np.uint16)
    for first, second, shape in ((wide, tall, (9, 2, 3)), (tall, wide, (2, 9, 3))):
        frame = _after_all((first, 1.0), (second, 2.0)).read(_LONG)
        assert frame is not None
        assert frame.pixels.shape == shape
