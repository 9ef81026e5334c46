"""What the tests of the web server share: a status, and a server on a loopback port."""

import contextlib
import dataclasses
import http.client
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.events import Event, EventType
from fer_edge.monitor import About, Histogram, Status
from fer_edge.stages import Stage
from fer_edge.web import HttpSettings
from fer_edge.web.server import WebServer

TOKEN = "a-token-of-24-characters"

_START = datetime(2026, 1, 1, 12, tzinfo=UTC)

MakeStatus = Callable[..., Status]


def _status(**changes: Any) -> Status:
    """A healthy camera without a broker; keys that are given differ."""
    status = Status(
        about=About(
            version="1.2.3",
            camera="döör",
            source="/dev/video0",
            model="compact",
            runtime="litert 2.3",
            detector="yunet",
            labels=("happy", "sad", "surprise", "neutral"),
            started_at=_START,
        ),
        uptime_seconds=100.0,
        detecting=True,
        preview=False,
        frames=1000,
        dropped=3,
        faces=1,
        frames_per_second=29.9,
        frame_age_seconds=0.01,
        processed_age_seconds=0.03,
        latency_seconds=0.02,
        last_frame_at=_START,
        events={"happy": 2},
        stages={Stage.CLASSIFY: Histogram((0, 3, 1, *(0,) * 8), 0.01)},
        classifier=ClassifierState(Device.CPU, since=0.0),
        outbox=None,
        broker=None,
    )
    return dataclasses.replace(status, **changes)


@pytest.fixture(scope="session")
def make_status() -> MakeStatus:
    """Make a status; see ``_status``."""
    return _status


def _event(seq: int = 1, **changes: Any) -> Event:
    event = Event(
        type=EventType.NEW,
        id=f"door-{seq}",
        seq=seq,
        camera="door",
        track=1,
        emotion="happy",
        score=0.9,
        scores={"happy": 0.9, "sad": 0.05, "surprise": 0.03, "neutral": 0.02},
        started_at=_START,
        at=_START,
        ended_at=None,
        dwell_seconds=0.3,
        replayed=False,
        model="compact",
    )
    return dataclasses.replace(event, **changes)


@pytest.fixture(scope="session")
def make_event() -> Callable[..., Event]:
    """Make an event that begins."""
    return _event


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@dataclasses.dataclass
class Served:
    """A server, and what it is told of the daemon."""

    web: WebServer
    controls: Controls
    status: Status
    """May be replaced."""

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Return status, headers and body of an answer.

        Args:
            path: of the request.
            method: of the request.
            body: of the request.
            headers: of it, ``_`` for ``-``.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


Serve = Callable[..., Served]


@pytest.fixture
def serve(make_status: MakeStatus) -> Iterator[Serve]:
    """Start a server with settings and a status that differ from the usual ones."""
    begun: list[WebServer] = []

    def start(status: Status | None = None, **settings: Any) -> Served:
        controls = Controls(preview=settings.get("preview", False))
        now = status or make_status()

        def tell() -> Status:
            return dataclasses.replace(
                served.status, preview=controls.preview, detecting=controls.detect
            )

        web = WebServer(HttpSettings(port=free_port(), **settings), tell, controls)
        served = Served(web, controls, now)
        begun.append(web)
        return served

    yield start
    for web in begun:
        web.close()
        assert not web.is_alive
