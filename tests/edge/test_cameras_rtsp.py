"""Network cameras that speak RTSP, as nearly all do: GStreamer's, on loopback."""

import itertools
import re
import signal
import subprocess
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
from fer_edge.errors import CameraLostError

# Debian's, which has the bindings; not that of the tests.
_PYTHON = "/usr/bin/python3"
_PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
)
_IMPORTS = (
    "import gi\n"
    "gi.require_version('GstRtspServer', '1.0')\n"
    "from gi.repository import Gst, GstRtspServer\n"
    "Gst.init(None)\n"
    "names = 'videotestsrc', 'rtph264pay', 'x264enc'\n"
    "assert all(Gst.ElementFactory.find(name) for name in names)\n"
)

_REFUSED = "no answer, no video there, or user and password are refused"
_AGAIN = "opening it again until frames come"
_HASTY = CameraSettings(
    stall_seconds=15.0,
    first_retry_seconds=0.1,
    longest_retry_seconds=0.3,
    give_up_seconds=60.0,
    frozen_seconds=0.0,
)


class RtspCamera:
    """``rtsp_camera.py`` as a process.

    Args:
        port: to listen on; 0 is any that is free.
        transport: how its packets may travel: tcp, udp or both.
    """

    def __init__(self, port: int = 0, transport: str = "both") -> None:
        program = Path(__file__).parent.parent / "rtsp_camera.py"
        self.process = subprocess.Popen(
            # If the tests are killed, it is, too.
            ["setpriv", "--pdeathsig", "KILL", _PYTHON, program, str(port), transport],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.asked())
        self.url = f"rtsp://ann:sesame@127.0.0.1:{self.port}/live"

    def asked(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it at once, even where it is stopped."""
        with self.process:
            self.process.kill()


Serve = Callable[..., RtspCamera]
Open = Callable[..., Camera]


@pytest.fixture(scope="module", autouse=True)
def _means() -> None:
    have = [_PYTHON, "-c", _IMPORTS]
    try:
        subprocess.run(have, check=True, capture_output=True, timeout=LONG)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"apt-get install {_PACKAGES}")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start cameras, which are killed at the end."""
    servers = []

    def serve(port: int = 0, transport: str = "both") -> RtspCamera:
        servers.append(RtspCamera(port, transport))
        return servers[-1]

    yield serve
    for server in servers:
        server.kill()


@pytest.fixture
def look() -> Iterator[Open]:
    """Open cameras, which are closed at the end."""
    cameras = []

    def look(source: str, settings: CameraSettings = _HASTY) -> Camera:
        cameras.append(open_camera(replace(settings, source=source), datetime.now(UTC)))
        return cameras[-1]

    yield look
    for camera in cameras:
        camera.close()


def test_rtsp_frames(
    serve: Serve, look: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """They come in order and decoded; nothing is said about it."""
    camera = look(serve().url)
    frames = [next_frame(camera) for _ in range(10)]
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert len({round(float(frame.pixels.mean())) for frame in frames}) > 3
    times = [frame.taken.seconds for frame in frames]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert caplog.messages == []


def test_reader_that_is_busy(serve: Serve, look: Open) -> None:
    """It misses frames, which are counted, and gets the newest, never a queue."""
    camera = look(serve().url)
    frame = next_frame(camera)
    until = time.monotonic() + LONG
    while frame.dropped < 10 and time.monotonic() < until:
        time.sleep(0.6)
        before, frame = frame, next_frame(camera)
        assert before.taken.seconds < frame.taken.seconds
    assert frame.dropped >= 10


@pytest.mark.parametrize(
    ("allowed", "taken"), [("both", "RTP/AVP/TCP;"), ("udp", "RTP/AVP/UDP;")]
)
def test_transport(serve: Serve, look: Open, allowed: str, taken: str) -> None:
    """Packets travel by TCP, which Wi-Fi loses none of; by UDP if that is all."""
    server = serve(transport=allowed)
    next_frame(look(server.url))
    assert server.asked().startswith(taken)


@pytest.mark.parametrize(
    ("right", "wrong"), [("sesame", "sesamo"), ("/live", "/nothing")]
)
def test_camera_that_refuses(
    serve: Serve,
    look: Open,
    caplog: pytest.LogCaptureFixture,
    right: str,
    wrong: str,
) -> None:
    """A wrong password or path is told in one line, without the password."""
    server = serve()
    settings = replace(_HASTY, give_up_seconds=2.0)
    camera = look(server.url.replace(right, wrong), settings)
    with pytest.raises(CameraLostError) as caught:
        next_frame(camera)
    name = f"rtsp://127.0.0.1:{server.port}/…"
    assert caplog.messages == [f"{name}: {_REFUSED}; {_AGAIN}"]
    assert str(caught.value) == (f"{name}: {_REFUSED}; given up, 2 s without a frame")


def test_camera_that_restarts(
    serve: Serve, look: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost at once, and had again when it is back at its address."""
    server = serve()
    camera = look(server.url)
    next_frame(camera)
    server.kill()
    read_until(camera, lambda: len(caplog.messages) == 2)
    serve(server.port)
    next_frame(camera)
    name = f"rtsp://127.0.0.1:{server.port}/…"
    *lost, back = caplog.messages
    assert lost == [
        f"{name}: it gives no more frames; {_AGAIN}", f"{name}: {_REFUSED}; {_AGAIN}"
    ]  # fmt: skip
    assert re.match(rf"{re.escape(name)}: frames again, after \d+ s$", back)


def test_camera_that_hangs(
    serve: Serve, look: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Its connection stays open and gives nothing: the time of the settings holds."""
    server = serve()
    camera = look(server.url, replace(_HASTY, stall_seconds=3.0))
    next_frame(camera)
    caplog.clear()
    server.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    read_until(camera, lambda: bool(caplog.messages))
    assert time.monotonic() - begun > 2.0
    # Opening it ends in time, too: it is accepted, and nobody answers.
    read_until(camera, lambda: len(caplog.messages) == 2)
    server.process.send_signal(signal.SIGCONT)
    next_frame(camera)
    name = f"rtsp://127.0.0.1:{server.port}/…"
    *lost, back = caplog.messages
    assert lost == [
        f"{name}: no frame for 3 s; {_AGAIN}",
        f"{name}: {_REFUSED}; {_AGAIN}",
    ]
    assert back.startswith(f"{name}: frames again, after ")


def test_daemon_whose_camera_dies(serve: Serve, fer_edge: Path, tmp_path: Path) -> None:
    """It waits as long as it was told and ends with 3, for systemd to start it anew."""
    server = serve()
    file = tmp_path / "fer-edge.toml"
    file.write_text(
        f"""
        [camera]
        source = "{server.url}"
        stall_seconds = 3.0
        first_retry_seconds = 0.5
        give_up_seconds = 4.0
        [law]
        purpose = "testing"
        """
    )
    with subprocess.Popen(
        [fer_edge, "run", "--config", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as daemon:
        try:
            assert server.asked().startswith("RTP/AVP/TCP;")
            server.kill()
            events, told = daemon.communicate(timeout=LONG)
        finally:
            daemon.kill()
    assert (daemon.returncode, events) == (3, "")
    assert told.splitlines()[-1] == (
        f"fer-edge: rtsp://127.0.0.1:{server.port}/…: {_REFUSED}; "
        "given up, 4 s without a frame"
    )
    assert "sesame" not in told
