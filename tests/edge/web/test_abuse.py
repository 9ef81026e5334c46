"""Clients that are slow, broken or hostile, by raw sockets."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_contract.preprocess import Box
from fer_edge.pipeline import Face
from web_served import TOKEN, Served, Viewer, make_event, make_turn

Serve = Callable[..., Served]

_SECONDS = 60.0
_LOGIN = b"Content-Type: application/x-www-form-urlencoded\r\n"
_FORM = _LOGIN + b"Content-Length: 100\r\n\r\n"
_STREAM = b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def _connected(served: Served, count: int = 1) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_connect(served)) for _ in range(count)]


def _connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.web.port), timeout=_SECONDS)


def _rest(connection: socket.socket) -> bytes:
    """Read to the end, be it torn off or closed."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            found += chunk
    return found


def _code(answer: bytes) -> int:
    """Return the status of an answer, 0 if there was none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def _send(connection: socket.socket, data: bytes) -> None:
    """Send; the other side may have had enough before the end."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)


def _descriptors() -> int:
    """Return how many files and sockets this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _eventually(condition: Callable[[], bool]) -> None:
    last = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.02)


def test_slow_heads(serve: Serve) -> None:
    """Slowloris: who does not say what for has a while, and others do not wait."""
    served = serve(patience_seconds=1.0)
    with _connected(served, 50) as slow:
        for connection in slow:
            _send(connection, b"GET / HTTP/1.1\r\nHost: local")
        assert served.ask("/healthz")[0] == 200
        for connection in slow:
            assert _rest(connection) == b""
    assert served.ask("/healthz")[0] == 200


def test_more_connections_than_places(serve: Serve) -> None:
    """The oldest idle ones make room: a health check gets through all the same."""
    served = serve()
    with _connected(served, 150) as idle:
        assert served.ask("/healthz")[0] == 200
        # Long before their time is up.
        assert _rest(idle[0]) == b""


def test_strangers_do_not_keep_others_out(serve: Serve, token_file: str) -> None:
    """Whoever has no token makes room too, be there an answer under way or not."""
    served = serve(token_file=token_file)
    with _connected(served, 150) as strangers:
        for connection in strangers:
            _send(connection, b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + _FORM)
        answer = served.ask("/healthz", Authorization=f"Bearer {TOKEN}")
        assert answer[0] == 200


def test_slow_reader_of_an_answer(serve: Serve) -> None:
    """One who asks for a page and does not read it is cut off too."""
    served = serve(patience_seconds=1.0)
    before = _descriptors()
    with _connected(served, 10) as slow:
        for connection in slow:
            _send(connection, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        # Ours and the server's, of each connection; the latter go.
        _eventually(lambda: _descriptors() <= before + 10)


def test_one_request_a_connection(serve: Serve) -> None:
    """What is sent behind the first request is not answered."""
    with _connected(serve()) as (connection,):
        _send(connection, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        assert _rest(connection).count(b"HTTP/1.1 200") == 1


def test_viewers_that_never_read(serve: Serve) -> None:
    """The frame loop hands over, and goes on: 20,000 events, 2,000 pictures of noise.

    It would stand still for ever if it waited for one of them.
    """
    served = serve(preview=True, preview_frames_per_second=30.0, patience_seconds=600.0)
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    turn = make_turn(noise, tuple(_face(track) for track in range(1, 6)))
    done = threading.Event()

    def loop() -> None:
        for number in range(20_000):
            served.web.publish(make_event(number + 1))
            if number % 10 == 0:
                served.web.see(turn)
        done.set()

    with _connected(served, 15) as deaf, Viewer(served) as viewer:
        for connection in deaf:
            _send(connection, _STREAM)
        viewer.next("hello")
        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        # One who reads is served meanwhile, and so is a health check.
        while viewer.next("event")["seq"] < 20_000:
            pass
        assert done.wait(_SECONDS)
        assert served.ask("/healthz")[0] == 200


def _face(track: int) -> Face:
    return Face(track, Box(10.0 * track, 10.0, 40.0, 40.0), {"a": 0.5, "b": 0.5}, "a")


def test_viewer_who_stops_reading(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """After a while without taking anything one is cut off, which is said."""
    caplog.set_level(logging.INFO)
    served = serve(preview=True, preview_frames_per_second=30.0, patience_seconds=1.0)
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    with _connected(served) as (deaf,):
        _send(deaf, _STREAM)

        def is_said() -> bool:
            served.web.see(make_turn(noise))
            return "does not keep up; cut off" in caplog.text

        _eventually(is_said)
    assert served.ask("/healthz")[0] == 200


def test_hundreds_of_half_closed_viewers(serve: Serve) -> None:
    """Those who go without a word leave nothing behind: no place, no descriptor."""
    served = serve()
    assert served.ask("/healthz")[0] == 200
    before = _descriptors()
    for _ in range(15):
        with _connected(served, 20) as connections:
            for connection in connections:
                _send(connection, _STREAM)
                connection.shutdown(socket.SHUT_WR)
            served.web.publish(make_event())

    def has_room() -> bool:
        with Viewer(served) as viewer:
            return viewer.answer.status == 200

    _eventually(has_room)
    _eventually(lambda: _descriptors() <= before)


_LINE = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        _LINE + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        _LINE + b"X" * 100_000 + b": a\r\n\r\n",
        _LINE + b"".join(b"X-%d: a\r\n" % k for k in range(10_000)) + b"\r\n",
        _LINE + b"Cookie: " + b"a=b; " * 20_000 + b"\r\n\r\n",
    ],
    ids=["line", "value", "name", "many", "cookies"],
)
def test_giant_heads(
    serve: Serve, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """400, and not a line in the log, which anybody could fill with them."""
    served = serve()
    with _connected(served) as (connection,):
        _send(connection, head)
        answer = _rest(connection)
        assert _code(answer) in (0, 400)
        assert len(answer) < 1000
    assert served.ask("/healthz")[0] == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1000000000\r\n\r\n" + b"token=" + b"a" * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%b\r\n" % (b"a" * 1024) * 900,
        b"Content-Length: 100\r\n\r\ntoken=",
        b"Content-Length: -1\r\n\r\n",
    ],
    ids=["long", "endless", "never comes", "negative"],
)
def test_giant_bodies(serve: Serve, body: bytes) -> None:
    """Refused, or cut off in time; nothing of it is kept."""
    served = serve(patience_seconds=1.0)
    with _connected(served) as (connection,):
        _send(
            connection, b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + _LOGIN + body
        )
        answer = _rest(connection)
        assert _code(answer) in (0, 400, 413)
    assert served.ask("/healthz")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/../../../../etc/passwd", b"/..%2f..%2f..%2fetc/passwd", b"//etc/passwd",
        b"/%2e%2e/%2e%2e/etc/passwd", b"/api/../../etc/passwd", b"/static/../server.py",
        b"/page.html", b"/login.html", b"/server.py", b"/\\..\\..\\etc\\passwd",
        b"/api/picture.jpg/../../page.html", b"/%00", b"file:///etc/passwd", b"*",
        b"/api/picture.jpg%00.html", b"/.", b"/;/etc/passwd",
    ],
)  # fmt: skip
def test_path_traversal(serve: Serve, path: bytes) -> None:
    """There are no files behind the paths: whatever is no route is not there."""
    with _connected(serve()) as (connection,):
        _send(connection, b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        answer = _rest(connection)
    assert _code(answer) in (400, 404)
    assert b"root:" not in answer


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
def test_no_host(serve: Serve, head: bytes) -> None:
    """Who does not say whom it asks for gets no answer from this machine."""
    with _connected(serve()) as (connection,):
        _send(connection, head)
        assert _code(_rest(connection)) in (400, 421)


@pytest.fixture
def served(serve: Serve) -> Served:
    """One server for all examples of a property."""
    return serve()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.booleans())
def test_noise(served: Served, noise: bytes, begins_well: bool) -> None:
    """Whatever bytes come, the server is there for the next one."""
    with _connected(served) as (connection,):
        _send(connection, (b"GET / HTTP/1.1\r\n" if begins_well else b"") + noise)
        connection.shutdown(socket.SHUT_WR)
        _rest(connection)
    assert served.ask("/readyz")[0] == 200


def test_nothing_is_left_of_a_server(serve: Serve) -> None:
    """Neither threads nor descriptors, however it was treated."""
    served = serve()
    threads, before = threading.active_count(), _descriptors()
    with _connected(served, 30) as connections:
        for connection in connections[::2]:
            _send(connection, _STREAM)
        served.web.publish(make_event())
        served.web.close()
    assert threading.active_count() == threads - 1
    _eventually(lambda: _descriptors() < before)
