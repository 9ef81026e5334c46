"""Pictures leave the daemon through its preview alone, and never while that is off."""

import base64
import contextlib
import http.client
import json
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from broker import Broker, Watcher, await_that
from fer_contract.preprocess import Pixels
from fer_trainer.synthetic import Square
from pixel_signs import PixelSigns
from running_daemon import RunningDaemon
from traced import Sent, Trace
from web_served import free_port, make_event

_PATHS = ("/", "/healthz", "/metrics", "/api/info", "/api/status", "/api/events")


def _frames(video: Path) -> list[Pixels]:
    film = cv2.VideoCapture(str(video))
    # A second, of which the rest is the repetition.
    return [np.asarray(film.read()[1], np.uint8) for _ in range(10)]


def _as_jpeg(pixels: Pixels) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


_FORMS: dict[str, Callable[[Pixels], bytes]] = {
    "raw": lambda face: face.tobytes(),
    "grey": lambda face: cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).tobytes(),
    "small": lambda face: cv2.resize(
        cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (48, 48), interpolation=cv2.INTER_AREA
    ).tobytes(),
    "jpeg": _as_jpeg,
    "png": lambda face: cv2.imencode(".png", face)[1].tobytes(),
    "base64": lambda face: json.dumps({"picture": _in_base64(face)}).encode(),
    "hexadecimal": lambda face: face[:8].tobytes().hex().encode(),
    "numbers": lambda face: json.dumps(face[:8, :8].tolist()).encode(),
}


def _in_base64(face: Pixels) -> str:
    return base64.b64encode(_as_jpeg(face)).decode()


@pytest.mark.parametrize("form", _FORMS)
def test_pixels_are_found(form: str, scene: tuple[Pixels, Square]) -> None:
    """In each of these forms a face is seen by the eye of this test."""
    frame, square = scene
    left, top, side = map(int, square)
    face = np.ascontiguousarray(frame[top : top + side, left : left + side])
    # Between other things, and by one who does not know the frame.
    content = b'{"type":"new"}' * 40 + _FORMS[form](face)
    assert PixelSigns([]).of(content)


def test_frame_that_is_known(scene: tuple[Pixels, Square]) -> None:
    """Even a few pixels of it are found."""
    frame, square = scene
    left, top, side = map(int, square)
    row = frame[top + side // 2, left : left + side]
    content = b" " * 5000 + row.tobytes()[7:100]
    assert PixelSigns([frame]).of(content) == {"piece of a frame"}


def test_what_is_no_picture(scene: tuple[Pixels, Square], tmp_path: Path) -> None:
    """Events are none, in lines or in a database."""
    signs = PixelSigns([scene[0]])
    lines = [make_event(seq).to_json() for seq in range(500)]
    path = tmp_path / "events.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, line)")
        database.executemany(
            "INSERT INTO events (line) VALUES (?)", [[x] for x in lines]
        )
        database.commit()
    assert signs.of("\n".join(lines).encode()) == set()
    assert signs.of(path.read_bytes()) == set()


@pytest.fixture
def trace(tmp_path: Path, fer_edge: Path) -> Trace:
    """Looks at all that a daemon does."""
    return Trace(tmp_path, fer_edge)


def _ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _watch(port: int, count: int) -> None:
    """Watch the live page until faces were shown some times."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with connection.makefile("rb") as lines:
            while count:
                line = lines.readline()
                assert line, "the page has ended"
                count -= b'"track":' in line and b'"picture":' in line


def _run_everything(
    trace: Trace, folder: Path, video: Path, http_port: int, *, preview: bool
) -> None:
    """Have a daemon tell everybody whom it can tell, each of them several times."""
    with Broker(folder) as broker, Watcher(broker.port) as watcher:
        config = folder / "fer-edge.toml"
        config.write_text(
            f'[camera]\nsource = "{video}"\npace = "recorded"\n'
            '[law]\npurpose = "testing"\n'
            "[episodes]\nupdate_seconds = 0.2\n"
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nnode = "pi"\n'
            "stats_seconds = 1.0\n"
            "[home_assistant]\ndiscovery = true\n"
            f'[outbox]\npath = "{folder}/outbox.sqlite"\n'
            f'[json_lines]\npath = "{folder}/events.jsonl"\n'
            f"[http]\nport = {http_port}\npreview = {str(preview).lower()}\n"
            '[[hooks]]\ncommand = ["/bin/cat"]\nevents = ["new", "update", "end"]\n'
        )
        daemon = RunningDaemon(trace.program, config)
        try:
            daemon.wait_until(lambda: len(watcher.of("fer/pi/events")) >= 5)
            _watch(http_port, 5)
            assert {_ask(http_port, path) for path in _PATHS} == {200}
            pictured = _ask(http_port, "/api/picture.jpg")
            assert (pictured == 200) == preview
            daemon.wait_until(lambda: watcher.of("fer/pi/stats"))
            daemon.stop()
        finally:
            daemon.kill()
        await_that(lambda: watcher.of("fer/pi/available")[-1:] == ["stopped"])
    trace.await_end()


def _pictures(sent: list[Sent], video: Path) -> dict[str, set[str]]:
    """Return the places to which pictures went, and what gives them away."""
    signs = PixelSigns(_frames(video))
    together: dict[str, bytes] = {}
    for one in sent:
        # What is cut into several calls is looked at as a whole, too.
        together[one.place] = together.get(one.place, b"") + one.content
    return {
        place: found for place, all_ in together.items() if (found := signs.of(all_))
    }


@pytest.mark.parametrize("preview", [False, True], ids=["off", "on"])
def test_daemon(
    preview: bool,
    trace: Trace,
    tmp_path: Path,
    long_video: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Preview off: no file and no socket gets a pixel. On: its page does, nobody else.

    Everybody is told who can be: a broker, Home Assistant, a file, a command, a page.
    """
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    port = free_port()
    _run_everything(trace, tmp_path, long_video, port, preview=preview)
    sent, opened = trace.sent, trace.opened_for_writing
    pictures = _pictures(sent, long_video)
    if preview:
        assert pictures
        page = f"TCP:[127.0.0.1:{port}->"
        assert [place for place in pictures if not place.startswith(page)] == []
        assert any("JPEG" in found for found in pictures.values())
        assert any("base64 or hexadecimal" in found for found in pictures.values())
    else:
        assert pictures == {}
    assert trace.unseen == []
    # It was looked at everything: events went to each of these.
    told = {one.place.partition(":")[0] for one in sent if b'"emotion"' in one.content}
    files = {f"{tmp_path}/{name}" for name in ("outbox.sqlite-wal", "events.jsonl")}
    assert files | {"TCP", "pipe"} <= told
    allowed = (f"{tmp_path}/outbox.sqlite", f"{tmp_path}/events.jsonl", f"{state}/")
    rest = {path for path in opened if not path.startswith(allowed)}
    assert rest <= {"/dev/null", "native messages"}
