"""What systemd is told, read from the socket that it would read."""

import math
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fer_edge.notify import Notifier, Supervised, line_of
from fer_edge.publishers.mqtt import BrokerState
from web_served import make_status


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of systemd's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.setblocking(False)
        yield server


def _told(manager: socket.socket) -> list[str]:
    """Return the lines of the next message; none if there is none."""
    try:
        return manager.recv(4096).decode().splitlines()
    except BlockingIOError:
        return []


def _environment(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


def test_first_frame(manager: socket.socket) -> None:
    """Ready and alive at once; before it, only how long it may take."""
    watched = {"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}
    with closing(Notifier(_environment(manager, **watched))) as notifier:
        supervised = Supervised(notifier, make_status, 120.0)
        assert _told(manager) == [
            "EXTEND_TIMEOUT_USEC=180000000",
            "STATUS=waiting for the first frame",
        ]
        supervised.show()
        assert _told(manager) == []
        supervised.see(None)
        assert _told(manager) == ["READY=1", "WATCHDOG=1"]
        supervised.see(None)
        assert _told(manager) == []
        supervised.show()
        assert _told(manager) == [f"STATUS={line_of(make_status())}"]
        supervised.end()
        assert _told(manager) == ["STOPPING=1", "STATUS=stopping"]


def test_socket_with_an_at_sign(tmp_path: Path) -> None:
    """Only in the first place does it stand for an abstract socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "pi@home"))
        server.setblocking(False)
        with closing(Notifier(_environment(server))) as notifier:
            notifier.tell(READY=1)
        assert _told(server) == ["READY=1"]


def test_fast_watchdog(manager: socket.socket) -> None:
    """It hears of frames more often than it waits."""
    with closing(Notifier(_environment(manager, WATCHDOG_USEC="1"))) as notifier:
        supervised = Supervised(notifier, make_status, 0.0)
        _told(manager)
        for _ in range(3):
            supervised.see(None)
            assert "WATCHDOG=1" in _told(manager)


@pytest.mark.parametrize("seconds", [150, 180, 600])
def test_camera_with_more_time_than_the_watchdog(
    manager: socket.socket, seconds: int
) -> None:
    """The watchdog is asked to wait until the daemon has given up by itself."""
    with closing(
        Notifier(_environment(manager, WATCHDOG_USEC="180000000"))
    ) as notifier:
        supervised = Supervised(notifier, make_status, seconds)
        _told(manager)
        supervised.see(None)
        assert f"WATCHDOG_USEC={seconds + 60}000000" in _told(manager)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"},
    ],
    ids=["none", "off", "no number", "another process'"],
)
def test_no_watchdog(environment: dict[str, str]) -> None:
    """Nobody waits for a word."""
    with closing(Notifier(environment)) as notifier:
        assert notifier.watchdog_seconds == math.inf


def test_abstract_socket() -> None:
    """A name that begins with @ is one that is in no folder."""
    name = f"fer-edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(f"\0{name}")
        with closing(Notifier({"NOTIFY_SOCKET": f"@{name}"})) as notifier:
            notifier.tell(READY=1)
        assert server.recv(100) == b"READY=1"


def test_systemd_that_does_not_read(manager: socket.socket) -> None:
    """The loop goes on, however many words wait."""
    with closing(Notifier(_environment(manager))) as notifier:
        for number in range(10_000):
            notifier.tell(STATUS=number)


def test_nobody_to_tell() -> None:
    """Run by hand, it tells nobody, nor fails."""
    with closing(Notifier({})) as notifier:
        notifier.tell(READY=1)
    with closing(Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"})) as notifier:
        notifier.tell(READY=1)


def test_line() -> None:
    """Frames a second, faces, model and broker."""
    status = make_status(
        faces=2, frames_per_second=24.96, frame_age_seconds=0.1, broker=None
    )
    assert line_of(status) == "25.0 frames/s, 2 faces, compact on cpu"


def test_line_of_what_is_wrong() -> None:
    """A camera without frames and a broker out of reach are told as such."""
    status = make_status(
        detecting=False,
        frame_age_seconds=12.3,
        broker=BrokerState(connected=False, since=0.0, reason="connection refused"),
    )
    assert line_of(status) == (
        "no frame for 12 s, detection off, compact on cpu, "
        "no broker (connection refused)"
    )
