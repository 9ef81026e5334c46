"""Network cameras, good and bad: Motion JPEG over HTTP, on loopback."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import watch_camera
from fer_edge.cameras import Camera, Frame
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.errors import CameraLostError
from network_camera import NetworkCamera

_LONG = 30.0  # seconds; a deadline, not what anything here takes
_HASTY = CameraSettings(
    stall_seconds=15.0,
    first_retry_seconds=0.05,
    longest_retry_seconds=0.2,
    give_up_seconds=_LONG,
    frozen_seconds=0.0,
)


@pytest.fixture
def server() -> Iterator[NetworkCamera]:
    """A camera that works until a test tells it not to."""
    with NetworkCamera() as server:
        yield server


@pytest.fixture
def camera(server: NetworkCamera) -> Iterator[Camera]:
    """That camera, opened."""
    camera = _open(server)
    yield camera
    camera.close()


def _open(server: NetworkCamera, settings: CameraSettings = _HASTY) -> Camera:
    return open_camera(replace(settings, source=server.url), datetime.now(UTC))


def _next(camera: Camera) -> Frame:
    """Return the next frame, however many reads it takes."""
    until = time.monotonic() + _LONG
    while time.monotonic() < until:
        frame = camera.read(0.5)
        if frame is not None:
            return frame
    raise AssertionError("no frame")


def _shade(frame: Frame) -> int:
    return round(float(frame.pixels.mean()))


def test_frames(camera: Camera, caplog: pytest.LogCaptureFixture) -> None:
    """They come in order, at their time, and nothing is said about it."""
    frames = [_next(camera) for _ in range(8)]
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    times = [frame.taken.seconds for frame in frames]
    assert times == sorted(times)
    assert len({_shade(frame) for frame in frames}) > 1
    assert abs((frames[-1].taken.at - datetime.now(UTC)).total_seconds()) < _LONG
    assert caplog.messages == []


def test_reader_that_is_busy(camera: Camera) -> None:
    """It misses frames, which are counted, and gets later ones, never a queue."""
    frame = _next(camera)
    until = time.monotonic() + _LONG
    while not frame.dropped and time.monotonic() < until:
        time.sleep(0.3)
        before, frame = frame, _next(camera)
        assert before.taken.seconds < frame.taken.seconds
    assert frame.dropped > 0


def test_camera_that_stalls(
    server: NetworkCamera, caplog: pytest.LogCaptureFixture
) -> None:
    """It is opened again, until it gives frames again; each is told once."""
    camera = _open(server, replace(_HASTY, stall_seconds=1.0))
    _next(camera)
    caplog.clear()
    server.stalled.set()
    before = server.connections
    until = time.monotonic() + _LONG
    while server.connections < before + 3 and time.monotonic() < until:
        assert camera.read(0.1) is None or server.connections == before
    server.stalled.clear()
    _next(camera)
    lost, *_, back = caplog.messages
    name = re.escape(f"http://127.0.0.1:{server.port}/…")
    assert re.match(rf"{name}: .*; opening it again until frames come$", lost)
    assert re.match(rf"{name}: frames again, after \d+ s$", back)
    assert len(caplog.messages) == len(set(caplog.messages))
    camera.close()


def test_camera_that_hangs_up(
    server: NetworkCamera, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that is cut is made again."""
    _next(camera)
    server.hang_up()
    until = time.monotonic() + _LONG
    while server.connections < 2 and time.monotonic() < until:
        camera.read(0.1)
    _next(camera)
    assert caplog.messages[0].endswith(
        "/…: it gives no more frames; opening it again until frames come"
    )


def test_camera_that_is_switched_off_and_on(caplog: pytest.LogCaptureFixture) -> None:
    """It may be away for long, and comes back at the same address."""
    with NetworkCamera() as before:
        camera = _open(before)
        _next(camera)
    for _ in range(10):
        camera.read(0.1)
    with NetworkCamera(before.port) as after:
        _next(camera)
        assert after.connections == 1
        camera.close()
    assert caplog.messages[-1].startswith(f"http://127.0.0.1:{before.port}/…: frames ")


def test_camera_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    """It is told at once and waited for; then its end asks for a restart."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        source = f"http://ann:sesame@127.0.0.1:{free.getsockname()[1]}/?pwd=sesame"
    settings = replace(_HASTY, source=source, give_up_seconds=1.5)
    camera = open_camera(settings, datetime.now(UTC))
    begun = time.monotonic()
    with pytest.raises(CameraLostError) as caught:
        _next(camera)
    assert time.monotonic() - begun >= 1.5
    reason = "/…: no answer, no video there, or user and password are refused; "
    assert caught.value.exit_code == 3
    assert str(caught.value).endswith(f"{reason}given up, 1.5 s without a frame")
    (told,) = caplog.messages
    assert told.endswith(f"{reason}opening it again until frames come")
    camera.close()
    assert "sesame" not in str(caught.value) + told


def test_what_ffmpeg_has_to_say() -> None:
    """Nothing: its lines hold the URL, and come again at every try.

    In a process of its own: FFmpeg asks for its level once, at its first use, which in
    this process may have been another test's.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        source = f"http://ann:sesame@127.0.0.1:{free.getsockname()[1]}/?pwd=sesame"
    settings = asdict(replace(_HASTY, source=source, give_up_seconds=1.5))
    program = Path(watch_camera.__file__)
    done = subprocess.run(
        [sys.executable, program, json.dumps(settings), "once"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONG,
    )
    assert done.stdout == ""
    told, ended = done.stderr.splitlines()
    assert told.endswith("; opening it again until frames come")
    assert ended.startswith("3 http://127.0.0.1:")
    assert "sesame" not in done.stderr


@pytest.mark.parametrize("password", ["sesame", "wrong"])
def test_password(password: str) -> None:
    """User and password of the URL are sent as HTTP wants them."""
    with NetworkCamera(authorization="Basic YW5uOnNlc2FtZQ==") as server:
        source = server.url.replace("http://", f"http://ann:{password}@")
        patience = _LONG if password == "sesame" else 1.5
        settings = replace(_HASTY, source=source, give_up_seconds=patience)
        camera = open_camera(settings, datetime.now(UTC))
        if password == "sesame":
            assert _next(camera).pixels.shape == (48, 64, 3)
        else:
            with pytest.raises(CameraLostError, match="user and password are refused"):
                _next(camera)
        camera.close()


def test_camera_that_freezes(
    server: NetworkCamera, caplog: pytest.LogCaptureFixture
) -> None:
    """The same frame for too long is a camera that hangs."""
    camera = _open(server, replace(_HASTY, frozen_seconds=1.0))
    _next(camera)
    server.frozen.set()
    until = time.monotonic() + _LONG
    while server.connections < 2 and time.monotonic() < until:
        camera.read(0.1)
    assert server.connections == 2
    server.frozen.clear()
    _next(camera)
    assert "/…: the same frame for " in caplog.messages[0]
    camera.close()


def test_no_video(server: NetworkCamera) -> None:
    """A page that is no video is a camera that is not there."""
    server.kind = "text/html"
    settings = replace(_HASTY, give_up_seconds=1.5)
    camera = _open(server, settings)
    with pytest.raises(CameraLostError, match=r"no video there"):
        _next(camera)
    camera.close()


def test_network_camera_on_its_side(server: NetworkCamera) -> None:
    """Live frames are turned as recorded ones are."""
    camera = _open(server, replace(_HASTY, rotation=270, grey=True))
    frame = _next(camera)
    assert frame.pixels.shape == (64, 48, 3)
    assert frame.pixels.flags.c_contiguous
    camera.close()
