"""Cameras as the kernel gives them, played by its own driver for tests, vivid.

Run by test_cameras_v4l2.py in a virtual machine, or wherever vivid is loaded:
``modprobe vivid n_devs=1 node_types=1 input_types=0``.
"""

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from camera_reads import LONG, next_frame, read_until
from fer_edge.cameras import Camera
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings

_CAMERA = "/dev/video0"
_DRIVER = Path("/sys/bus/platform/drivers/vivid")

_STALL = 2.0
_HASTY = CameraSettings(
    source=_CAMERA,
    width=320,
    height=180,
    stall_seconds=_STALL,
    first_retry_seconds=0.1,
    longest_retry_seconds=0.5,
    give_up_seconds=60.0,
    frozen_seconds=0.0,
)

# BGR, of the driver's colour bars, and how far colour spaces may be off.
_WHITE, _RED, _BLUE = [191, 191, 191], [0, 0, 191], [191, 0, 0]
_OFF = 8

Open = Callable[[CameraSettings], Camera]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open cameras that are closed at the end."""
    cameras = []

    def opened(settings: CameraSettings) -> Camera:
        cameras.append(open_camera(settings, datetime.now(UTC)))
        return cameras[-1]

    yield opened
    for camera in cameras:
        camera.close()


def _unplug() -> None:
    (_DRIVER / "unbind").write_text("vivid.0")


def _plug_in() -> None:
    (_DRIVER / "bind").write_text("vivid.0")


def _ask(*arguments: str) -> str:
    return subprocess.run(
        ["v4l2-ctl", "--device", _CAMERA, *arguments],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_frames(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    """They come in order, in BGR, in the camera's own size; nothing is said."""
    camera = opened(replace(_HASTY, width=0, height=0))
    frames = [next_frame(camera) for _ in range(5)]
    assert {frame.pixels.shape for frame in frames} == {(480, 640, 3)}
    row = frames[-1].pixels[400]
    assert row[40].tolist() == pytest.approx(_WHITE, abs=_OFF)
    assert row[440].tolist() == pytest.approx(_RED, abs=_OFF)
    assert row[520].tolist() == pytest.approx(_BLUE, abs=_OFF)
    times = [frame.taken.seconds for frame in frames]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert caplog.messages == []


def test_size_and_rate(opened: Open) -> None:
    """They are what was asked for; a machine can be slower, never faster."""
    camera = opened(replace(_HASTY, frames_per_second=5.0))
    first, *_, last = [next_frame(camera) for _ in range(6)]
    assert first.pixels.shape == (180, 320, 3)
    assert "5.000 (5/1)" in _ask("--get-parm")
    assert last.taken.seconds - first.taken.seconds > 4 / 5


def test_size_that_the_camera_has_not(opened: Open) -> None:
    """It gives the nearest that it has."""
    camera = opened(replace(_HASTY, width=330, height=200))
    assert next_frame(camera).pixels.shape == (180, 320, 3)


def test_large_frames_of_a_camera_that_does_not_compress(opened: Open) -> None:
    """Motion JPEG is a wish: what has none gives large frames all the same."""
    camera = opened(replace(_HASTY, width=1280, height=720))
    assert next_frame(camera).pixels.shape == (720, 1280, 3)


def test_camera_that_another_program_uses(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """It is waited for, and had once the other lets go."""
    first = opened(_HASTY)
    next_frame(first)
    second = opened(_HASTY)
    read_until(second, lambda: bool(caplog.messages))
    assert caplog.messages == [
        f"{_CAMERA}: no camera that gives pictures, or another program uses it; "
        "opening it again until frames come"
    ]
    next_frame(first)
    first.close()
    next_frame(second)


def test_camera_that_is_unplugged(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost at once, and had again when it is plugged in."""
    camera = opened(_HASTY)
    next_frame(camera)
    _unplug()
    try:
        read_until(camera, lambda: len(caplog.messages) == 2)
    finally:
        _plug_in()
    next_frame(camera)
    lost, absent, back = caplog.messages
    again = "; opening it again until frames come"
    assert lost == f"{_CAMERA}: it gives no more frames{again}"
    assert absent == f"{_CAMERA}: no such camera; is it plugged in?{again}"
    assert re.match(rf"{_CAMERA}: frames again, after \d+ s$", back)


def test_camera_whose_transfer_breaks(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the bus, with the camera still there, is mended by opening anew."""
    camera = opened(_HASTY)
    next_frame(camera)
    _ask("--set-ctrl", "inject_fatal_streaming_error=1")
    read_until(camera, lambda: len(caplog.messages) == 2)
    lost, back = caplog.messages
    assert lost.startswith(f"{_CAMERA}: it gives no more frames; ")
    assert back.startswith(f"{_CAMERA}: frames again, ")


def test_camera_that_stalls(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    """It is let go of when its time is over, not when OpenCV's is, and opened anew."""
    camera = opened(_HASTY)
    next_frame(camera)
    _ask("--set-ctrl", "percentage_of_dropped_buffers=100")
    read_until(camera, lambda: bool(caplog.messages))
    begun = time.monotonic()
    while time.monotonic() < begun + 2 * _STALL:
        camera.read(0.1)
    _ask("--set-ctrl", "percentage_of_dropped_buffers=0")
    next_frame(camera)
    *lost, back = caplog.messages
    assert set(lost) <= {
        f"{_CAMERA}: {reason}; opening it again until frames come"
        for reason in ("it gives no more frames", f"no frame for {_STALL:g} s")
    }
    assert back.startswith(f"{_CAMERA}: frames again, ")


def test_daemon_whose_camera_is_unplugged(tmp_path: Path) -> None:
    """It waits as long as it was told and ends with 3, for systemd to start it anew."""
    file = tmp_path / "fer-edge.toml"
    file.write_text(
        f"""
        [camera]
        source = "{_CAMERA}"
        width = 320
        height = 180
        stall_seconds = 1.0
        give_up_seconds = 2.0
        [law]
        purpose = "testing"
        """
    )
    program = Path(sys.executable).parent / "fer-edge"
    with subprocess.Popen(
        [program, "run", "--config", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as daemon:
        try:
            until = time.monotonic() + 2 * LONG
            # What the driver does not let anybody change while frames flow.
            while "grabbed" not in _ask("--list-ctrls"):
                assert daemon.poll() is None
                assert time.monotonic() < until
                time.sleep(0.5)
            _unplug()
            try:
                events, told = daemon.communicate(timeout=LONG)
            finally:
                _plug_in()
        finally:
            daemon.kill()
    assert daemon.returncode == 3, told
    assert events == ""
    assert told.splitlines()[-1] == (
        f"fer-edge: {_CAMERA}: no such camera; is it plugged in?; "
        "given up, 2 s without a frame"
    )
