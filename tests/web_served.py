"""The web server on a loopback port, what it is told, and those who read it."""

import contextlib
import dataclasses
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import numpy as np

from fer_contract.preprocess import Pixels
from fer_edge.cameras import Frame
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.events import Event, EventType
from fer_edge.loop import Turn
from fer_edge.moment import Moment
from fer_edge.monitor import About, Histogram, Status
from fer_edge.pipeline import Face, Processed
from fer_edge.stages import Stage
from fer_edge.web import HttpSettings
from fer_edge.web.server import WebServer

TOKEN = "a-token-of-24-characters"

_START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make_status(**changes: Any) -> Status:
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
            purpose="testing",
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


def make_event(seq: int = 1, **changes: Any) -> Event:
    """An event that begins; keys that are given differ."""
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


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Served:
    """A server, and what it is told of the daemon.

    Args:
        status: of the daemon; its switches are those of ``controls``.
        patience_seconds: the server's.
        port: any that is free if not given.
        settings: all others.
    """

    def __init__(
        self,
        status: Status,
        patience_seconds: float = 10.0,
        port: int | None = None,
        **settings: Any,
    ) -> None:
        self.status = status
        """May be replaced."""
        self.controls = Controls(preview=settings.get("preview", False))
        self.web = WebServer(
            HttpSettings(port=port or free_port(), **settings),
            self._tell,
            self.controls,
            patience_seconds=patience_seconds,
        )

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.web.port}/"

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

    def _tell(self) -> Status:
        controls = self.controls
        return dataclasses.replace(
            self.status, preview=controls.preview, detecting=controls.detect
        )


class Viewer:
    """Reads the stream of server-sent events, as the page does."""

    def __init__(self, served: Served, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", served.web.port, timeout=30
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", "/api/stream", headers=named)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.answer.close()
        self._connection.close()

    def messages(self) -> Iterator[tuple[str, Any]]:
        """Give what comes, kind and content, until the server ends."""
        kind = ""
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)

    def next(self, wanted: str) -> Any:
        """Return the next content of a kind, passing over what is of another one."""
        return next(content for kind, content in self.messages() if kind == wanted)


def make_turn(
    pixels: Pixels | None = None, faces: tuple[Face, ...] = (), age: float = 0.0
) -> Turn:
    """Return a frame that was processed; a grey one of 64x48 if none is given."""
    if pixels is None:
        pixels = np.full((48, 64, 3), 128, np.uint8)
    return Turn(Frame(pixels, Moment(0.0, _START)), Processed((), faces), {}, age)


@contextlib.contextmanager
def filming(
    served: Served, pixels: Pixels | None = None, faces: tuple[Face, ...] = ()
) -> Iterator[None]:
    """Have the server see a frame again and again, as from a frame loop."""
    stop = threading.Event()

    def film() -> None:
        while not stop.wait(0.005):
            served.web.see(make_turn(pixels, faces))

    loop = threading.Thread(target=film)
    loop.start()
    try:
        yield
    finally:
        stop.set()
        loop.join()
