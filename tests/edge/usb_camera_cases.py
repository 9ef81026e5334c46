"""A USB camera that gives Motion JPEG, on the kernel's dummy bus; see usb_camera.py.

Run by test_cameras_v4l2.py in a virtual machine.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import usb_camera
from camera_reads import LONG, next_frame, read_until
from fer_edge.cameras import Camera
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings

_NODES = Path("/sys/class/video4linux")

_HASTY = CameraSettings(
    stall_seconds=2.0,
    first_retry_seconds=0.1,
    longest_retry_seconds=0.5,
    give_up_seconds=60.0,
    frozen_seconds=0.0,
)
_LARGE = replace(_HASTY, width=usb_camera.LARGE[0], height=usb_camera.LARGE[1])

# BGR, and how far JPEG may be off.
_RED, _BLUE = [0, 0, 200], [200, 0, 0]
_OFF = 6

_DAMAGED = b"\xff\xd8" + bytes(5000)  # begins as a JPEG does

Look = Callable[[CameraSettings], Camera]


class UsbCamera:
    """``usb_camera.py`` as a process.

    Args:
        bus: where gadgetfs is mounted.
        seen: yuyv, or the folder with its pictures.
    """

    def __init__(self, bus: Path, seen: Path) -> None:
        program = usb_camera.__file__
        self._command: list[str | Path] = [sys.executable, program, bus, seen]
        self.plug_in()

    def plug_in(self) -> None:
        """Be there."""
        self.process = subprocess.Popen(self._command)

    def unplug(self) -> None:
        """Be gone at once."""
        self.process.kill()
        self.process.wait()

    def device(self, index: int = 0) -> str:
        """Return its device file, as soon as there is one; the second is no camera."""
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            for node in _NODES.iterdir():
                driver = (node / "device/driver").resolve().name
                number = int((node / "index").read_text())
                if (driver, number) == ("uvcvideo", index):
                    return f"/dev/{node.name}"
            time.sleep(0.1)
        raise AssertionError("no camera")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other end of the kernel's dummy bus."""
    bus = tmp_path_factory.mktemp("bus")
    subprocess.run(["mount", "-t", "gadgetfs", "gadgetfs", bus], check=True)
    return bus


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of what a camera sees: a wall, red on the left and blue on the right."""
    width, height = usb_camera.LARGE
    wall = np.zeros((height, width, 3), np.uint8)
    wall[:, : width // 2], wall[:, width // 2 :] = _RED, _BLUE
    assert cv2.imwrite(str(tmp_path / "1.jpg"), wall)
    return tmp_path


@pytest.fixture
def usb(bus: Path, pictures: Path) -> Iterator[UsbCamera]:
    """A camera of large frames, plugged in."""
    usb = UsbCamera(bus, pictures)
    yield usb
    usb.unplug()


@pytest.fixture
def look() -> Iterator[Look]:
    """Open cameras that are closed at the end."""
    cameras = []

    def look(settings: CameraSettings) -> Camera:
        cameras.append(open_camera(settings, datetime.now(UTC)))
        return cameras[-1]

    yield look
    for camera in cameras:
        camera.close()


def test_small_frames(bus: Path, look: Look, caplog: pytest.LogCaptureFixture) -> None:
    """They come uncompressed, and grey is grey."""
    usb = UsbCamera(bus, Path("yuyv"))
    camera = look(replace(_HASTY, source=usb.device()))
    frames = [next_frame(camera) for _ in range(5)]
    usb.unplug()
    width, height = usb_camera.SMALL
    assert {frame.pixels.shape for frame in frames} == {(height, width, 3)}
    assert all(np.ptp(frame.pixels) <= 1 for frame in frames)
    assert len({int(frame.pixels.mean()) for frame in frames}) > 1
    assert caplog.messages == []


def test_large_frames(
    usb: UsbCamera, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    """They come compressed, which is all that fits through USB 2, in BGR."""
    camera = look(replace(_LARGE, source=usb.device()))
    frames = [next_frame(camera) for _ in range(5)]
    width, height = usb_camera.LARGE
    for frame in frames:
        assert frame.pixels.shape == (height, width, 3)
        left, right = frame.pixels[height // 2, [width // 4, 3 * width // 4]]
        assert left.tolist() == pytest.approx(_RED, abs=_OFF)
        assert right.tolist() == pytest.approx(_BLUE, abs=_OFF)
    assert caplog.messages == []


def test_frames_that_are_damaged(bus: Path, pictures: Path, look: Look) -> None:
    """In place of each comes the one before, once more; the first has none before."""
    (pictures / "2.jpg").write_bytes(_DAMAGED)
    usb = UsbCamera(bus, pictures)
    camera = look(replace(_LARGE, source=usb.device()))
    frames = [next_frame(camera) for _ in range(6)]
    usb.unplug()
    for frame in frames[1:]:
        assert frame.pixels[9, 9].tolist() == pytest.approx(_RED, abs=_OFF)


def test_camera_that_gives_damaged_frames_only(
    bus: Path, pictures: Path, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    """It looks like one that repeats a frame, and is opened again."""
    (pictures / "1.jpg").write_bytes(_DAMAGED)
    usb = UsbCamera(bus, pictures)
    camera = look(replace(_LARGE, source=usb.device(), frozen_seconds=1.5))
    read_until(camera, lambda: bool(caplog.messages))
    usb.unplug()
    assert ": the same frame for " in caplog.messages[0]


def test_camera_that_is_pulled_out(
    usb: UsbCamera, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost at once, and had again when it is plugged in."""
    source = usb.device()
    camera = look(replace(_LARGE, source=source))
    next_frame(camera)
    usb.unplug()
    read_until(camera, lambda: len(caplog.messages) == 2)
    usb.plug_in()
    next_frame(camera)
    lost, absent, back = caplog.messages
    again = "; opening it again until frames come"
    assert lost == f"{source}: it gives no more frames{again}"
    assert absent == f"{source}: no such camera; is it plugged in?{again}"
    assert re.match(rf"{source}: frames again, after \d+ s$", back)


def test_camera_that_hangs(
    usb: UsbCamera, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    """It is closed when its time is over, and opened until it answers."""
    camera = look(replace(_LARGE, source=usb.device()))
    next_frame(camera)
    usb.process.send_signal(signal.SIGSTOP)
    read_until(camera, lambda: bool(caplog.messages))
    usb.process.send_signal(signal.SIGCONT)
    next_frame(camera)
    assert ": frames again, after " in caplog.messages[-1]


def test_device_file_without_pictures(
    usb: UsbCamera, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    """A USB camera has a second one, for what is known about its frames."""
    second = usb.device(1)
    camera = look(replace(_HASTY, source=second))
    read_until(camera, lambda: bool(caplog.messages))
    assert caplog.messages == [
        f"{second}: no camera that gives pictures, or another program uses it; "
        "opening it again until frames come"
    ]
