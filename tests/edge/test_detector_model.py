"""YuNet's file: how it comes to the device, and what is refused on the way."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from fer_contract.errors import DigestError, FerError
from fer_edge.detector_model import (
    NAME,
    check_detector,
    fetch_detector,
    install_detector,
    is_detector,
)
from processes import run_command


@pytest.fixture(scope="module")
def content(shared: Path) -> bytes:
    """The file of OpenCV's zoo."""
    return (shared / "models" / NAME).read_bytes()


class _Handler(BaseHTTPRequestHandler):
    """Answers with what the path says, as the servers of the world do."""

    content: ClassVar[bytes]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/right")
            self.end_headers()
        elif self.path == "/gone":
            self.send_error(404)
        elif self.path == "/hangs-up":
            self.close_connection = True
        elif self.path == "/broken":
            self._send(self.content[:100_000], len(self.content))
        elif self.path == "/wrong":
            self._send(self.content[:-1] + b"?", len(self.content))
        elif self.path == "/endless":
            self._send(self.content * 3, len(self.content) * 3)
        else:
            self._send(self.content, len(self.content))

    def _send(self, body: bytes, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class _QuietServer(HTTPServer):
    """Does not mind who hangs up on it."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def address(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], str]]:
    """A server on loopback that gives the file in several ways."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = type("Handler", (_Handler,), {"content": content, "asked": []})
    with _QuietServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield lambda path: f"http://127.0.0.1:{server.server_address[1]}{path}"
        server.shutdown()
        thread.join()


def _check_nothing_left(path: Path) -> None:
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("way", ["/right", "/moved"])
def test_fetch(
    address: Callable[[str], str], tmp_path: Path, content: bytes, way: str
) -> None:
    """The file lies where it should, readable by the daemon, and nothing beside it."""
    path = tmp_path / "state" / "fer-edge" / NAME
    fetch_detector(address(way), path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o444 == 0o444 & ~_umask()
    assert is_detector(path)
    check_detector(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("way", "seen"),
    [
        ("/wrong", "232,589 bytes with"),
        ("/broken", "100,000 bytes with"),
        ("/endless", "more than 232,589 bytes with"),
    ],
)
def test_fetch_of_another_file(
    address: Callable[[str], str], tmp_path: Path, way: str, seen: str
) -> None:
    """What arrives is refused if it is not the file, all of it and no more."""
    path = tmp_path / NAME
    with pytest.raises(DigestError) as caught:
        fetch_detector(address(way), path)
    assert str(caught.value).startswith(f"{address(way)}: {seen} SHA-256 ")
    assert str(caught.value).endswith(f"{NAME} has 232,589 with 8f2383e4dd3c…")
    _check_nothing_left(path)


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("/gone", "404 Not Found"),
        ("/hangs-up", "Remote end closed connection without response"),
    ],
)
def test_fetch_that_is_refused(
    address: Callable[[str], str], tmp_path: Path, way: str, reason: str
) -> None:
    """What the server said is said."""
    path = tmp_path / NAME
    with pytest.raises(FerError) as caught:
        fetch_detector(address(way), path)
    assert str(caught.value) == f"{address(way)}: {reason}"
    _check_nothing_left(path)


def test_fetch_without_a_server(tmp_path: Path) -> None:
    """Nobody there is one line."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(FerError) as caught:
            fetch_detector(url, tmp_path / NAME)
    assert str(caught.value) == f"{url}: Connection refused"


@pytest.mark.parametrize(
    "url",
    ["", "yunet.onnx", "file:///etc/passwd", "http://", "http://[", "http://a:b/"],
)
def test_what_is_no_address(tmp_path: Path, url: str) -> None:
    """It is named in one line; a file of this machine is no address."""
    with pytest.raises(FerError) as caught:
        fetch_detector(url, tmp_path / NAME)
    assert str(caught.value).startswith(f"{url}: ")
    assert not isinstance(caught.value, DigestError)


def test_fetch_over_another_file(address: Callable[[str], str], tmp_path: Path) -> None:
    """A damaged file is replaced; by a failure it is left as it was."""
    path = tmp_path / NAME
    path.write_bytes(b"damaged")
    with pytest.raises(FerError):
        fetch_detector(address("/broken"), path)
    assert path.read_bytes() == b"damaged"
    fetch_detector(address("/right"), path)
    assert is_detector(path)


def test_what_cannot_be_replaced(address: Callable[[str], str], tmp_path: Path) -> None:
    """A folder or a device in the place of the file stays what it is."""
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(FerError) as caught:
            fetch_detector(address("/right"), path)
        assert str(caught.value) == f"{path}: already there, and no file"
    assert Path("/dev/null").is_char_device()


def test_full_disk(shared: Path, full_disk: Path) -> None:
    """A full disk is named, and what was written is taken away again."""
    (full_disk / "filler").write_bytes(bytes(100_000))
    with pytest.raises(OSError, match="No space left on device") as caught:
        install_detector(shared / "models" / NAME, full_disk / NAME)
    assert str(caught.value.filename).startswith(str(full_disk / NAME))
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_brought_copy(shared: Path, tmp_path: Path) -> None:
    """A copy is installed under the right name, wherever it comes from."""
    brought = Path(shutil.copyfile(shared / "models" / NAME, tmp_path / "stick"))
    install_detector(brought, tmp_path / "state" / NAME)
    assert is_detector(tmp_path / "state" / NAME)


def test_another_brought_file(tmp_path: Path) -> None:
    """Any other file is refused, and an empty one is."""
    for content in (b"", b"no network"):
        brought = tmp_path / "stick"
        brought.write_bytes(content)
        with pytest.raises(DigestError, match=rf"^{brought}: {len(content)} bytes"):
            install_detector(brought, tmp_path / "state" / NAME)
    assert not (tmp_path / "state").exists()


# ------------------------------------------------------------------------- the command


def test_command(
    address: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fetches into the state folder, once, and says so."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path, url = tmp_path / NAME, address("/right")
    first = run_command("fer-edge", "models", "fetch-detector", "--url", url)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{path}: from {url}, SHA-256 is right\n"
    assert is_detector(path)
    again = run_command("fer-edge", "models", "fetch-detector", "--url", "http://x/")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"{path}: there already, with the right SHA-256\n"


def test_command_with_a_brought_copy(shared: Path, tmp_path: Path) -> None:
    """It copies to where it is told."""
    brought, path = shared / "models" / NAME, tmp_path / "yunet.onnx"
    finished = run_command(
        "fer-edge", "models", "fetch-detector", "--from", brought, "--out", path
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"{path}: from {brought}, SHA-256 is right\n"
    assert is_detector(path)


def test_command_behind_a_proxy(
    address: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the environment is asked for what has no address here."""
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", address(""))
    path, url = tmp_path / NAME, "http://zoo.invalid/yunet.onnx"
    finished = run_command(
        "fer-edge", "models", "fetch-detector", "--url", url, "--out", path
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert is_detector(path)


@pytest.mark.parametrize(
    ("way", "code"), [("/wrong", 1), ("/gone", 2), ("/hangs-up", 2)]
)
def test_command_that_fails(
    address: Callable[[str], str], tmp_path: Path, way: str, code: int
) -> None:
    """One line, exit 1 for another file and 2 for none, and nothing is left."""
    url, path = address(way), tmp_path / NAME
    finished = run_command(
        "fer-edge", "models", "fetch-detector", "--url", url, "--out", path
    )
    assert (finished.returncode, finished.stdout) == (code, "")
    assert finished.stderr.startswith(f"fer-edge: {url}: ")
    assert finished.stderr.count("\n") == 1
    _check_nothing_left(path)


def test_command_with_both_origins(tmp_path: Path) -> None:
    """A copy and an address exclude each other."""
    copy = tmp_path / "copy"
    copy.touch()
    finished = run_command(
        "fer-edge", "models", "fetch-detector", "--from", copy, "--url", "http://x/"
    )
    assert finished.returncode == 2
    assert "--from and --url exclude each other" in finished.stderr
