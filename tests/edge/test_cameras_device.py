"""USB cameras that cannot be opened, and why.

A terminal stands for the device: the kernel refuses both in the same words.
"""

import contextlib
import fcntl
import os
import pty
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import pytest

from fer_edge.cameras import Camera
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.cameras.usb import UsbCamera, open_device, wishes
from fer_edge.errors import CameraError, CameraLostError

_NOBODY = 65534
_PATIENT = CameraSettings(stall_seconds=1.0)


@pytest.fixture
def terminal() -> Iterator[Path]:
    """The device file of a terminal."""
    ours, theirs = pty.openpty()
    yield Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


@contextlib.contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may open everything; be somebody else."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def _complaint(path: Path) -> CameraError:
    with pytest.raises(CameraError) as caught, _without_privileges():
        open_device(UsbCamera(path), _PATIENT)
    return caught.value


def _wait_for_a_frame(camera: Camera) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert camera.read(0.1) is None


def test_camera_that_is_absent(tmp_path: Path) -> None:
    """It may be plugged in yet."""
    path = tmp_path / "video0"
    with pytest.raises(CameraLostError) as caught:
        open_device(UsbCamera(path), _PATIENT)
    assert str(caught.value) == f"{path}: no such camera; is it plugged in?"


def test_camera_that_is_busy(terminal: Path) -> None:
    """It may be free again soon."""
    terminal.chmod(0o666)
    with terminal.open("rb", buffering=0) as held:
        fcntl.ioctl(held, termios.TIOCEXCL)
        complaint = _complaint(terminal)
        fcntl.ioctl(held, termios.TIOCNXCL)
    assert str(complaint) == f"{terminal}: busy; another program uses it"
    assert isinstance(complaint, CameraLostError)


def test_camera_without_permission(terminal: Path) -> None:
    """To wait for it would help nobody."""
    terminal.chmod(0)
    complaint = _complaint(terminal)
    assert str(complaint) == (
        f"{terminal}: no permission; the user must be in the group of the file (video)"
    )
    assert not isinstance(complaint, CameraLostError)


def test_camera_that_was_just_plugged_in(terminal: Path) -> None:
    """It is root's alone until udev has given it to its group, a moment later."""
    if os.geteuid() != 0:
        pytest.skip("giving a device to root needs root: sudo make test")
    os.chown(terminal, 0, 0)
    terminal.chmod(0o600)
    complaint = _complaint(terminal)
    assert str(complaint) == f"{terminal}: only root may use it, as yet"
    assert isinstance(complaint, CameraLostError)


def test_device_that_is_no_camera(terminal: Path) -> None:
    """A terminal is none."""
    terminal.chmod(0o666)
    complaint = _complaint(terminal)
    assert str(complaint) == f"{terminal}: not a camera"
    assert not isinstance(complaint, CameraLostError)


@pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
def test_file_that_is_no_device(tmp_path: Path, kind: str) -> None:
    """What is no device at all is said at once, even where it would be waited for."""
    path = tmp_path / kind
    if kind == "file":
        path.touch(0o666)
    elif kind == "folder":
        path.mkdir(0o777)
    else:
        os.mkfifo(path)
    tmp_path.chmod(0o755)
    with pytest.raises(CameraError) as caught:
        open_device(UsbCamera(path), _PATIENT)
    reason = "Is a directory" if kind == "folder" else "not a camera"
    assert str(caught.value) == f"{path}: {reason}"
    assert not isinstance(caught.value, CameraLostError)


@pytest.mark.parametrize("source", ["/dev/null", "/dev/fer-edge-has-no-such-camera"])
def test_reading_what_is_no_camera(
    source: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot mend itself ends the daemon at once, what can is waited for."""
    settings = CameraSettings(
        source=source, stall_seconds=0.5, give_up_seconds=0.6, first_retry_seconds=0.1
    )
    camera = open_camera(settings, datetime.now(UTC))
    with pytest.raises(CameraError) as caught:
        _wait_for_a_frame(camera)
    camera.close()
    if source == "/dev/null":
        assert (str(caught.value), caught.value.exit_code) == (
            "/dev/null: not a camera",
            2,
        )
        assert caplog.messages == []
    else:
        missing = f"{source}: no such camera; is it plugged in?"
        assert (str(caught.value), caught.value.exit_code) == (
            f"{missing}; given up, 0.6 s without a frame",
            3,
        )
        assert caplog.messages == [f"{missing}; opening it again until frames come"]


@pytest.mark.parametrize(
    ("width", "height", "frames_per_second", "expected"),
    [
        (0, 0, 0.0, []),
        (
            640, 480, 0.0,
            [(cv2.CAP_PROP_FRAME_WIDTH, 640), (cv2.CAP_PROP_FRAME_HEIGHT, 480)],
        ),
        (0, 0, 15.0, [(cv2.CAP_PROP_FPS, 15.0)]),
        (
            1280, 720, 30.0,
            [
                (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
                (cv2.CAP_PROP_FRAME_WIDTH, 1280),
                (cv2.CAP_PROP_FRAME_HEIGHT, 720),
                (cv2.CAP_PROP_FPS, 30.0),
            ],
        ),
    ],
)  # fmt: skip
def test_wishes(
    width: int,
    height: int,
    frames_per_second: float,
    expected: list[tuple[int, float]],
) -> None:
    """Only what the settings name is asked for; large frames come compressed."""
    settings = CameraSettings(
        width=width, height=height, frames_per_second=frames_per_second
    )
    assert wishes(settings) == expected
