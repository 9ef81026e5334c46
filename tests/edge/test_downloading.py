"""Downloads: what is fetched, how much of it, for how long, and from where."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fer_contract.errors import FerError
from fer_edge.downloading import download, is_private

Address = Callable[[str], str]


class _Handler(BaseHTTPRequestHandler):
    """Answers with what the path says."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/drops":
            self.end_headers()
            for _ in range(1000):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
                if self.server.stopped.wait(0.02):  # type: ignore[attr-defined]
                    return
        else:
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"model")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """A server on loopback."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.stopped = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield lambda path: f"http://127.0.0.1:{server.server_address[1]}{path}"
        server.stopped.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_file(address: Address) -> None:
    """It arrives, but no more of it than wanted."""
    stream = io.BytesIO()
    assert download(address("/model"), stream, 100) == 5
    assert stream.getvalue() == b"model"
    stream = io.BytesIO()
    assert download(address("/model"), stream, 3) == 3
    assert stream.getvalue() == b"mod"


def test_drops(address: Address) -> None:
    """What comes drop by drop, each in time, is given up."""
    with pytest.raises(FerError) as caught:
        download(address("/drops"), io.BytesIO(), 1000, longest_seconds=0.2)
    assert str(caught.value) == f"{address('/drops')}: not all there after 0.2 s"


def test_redirect_to_loopback(address: Address) -> None:
    """It is followed, as one to https is."""
    stream = io.BytesIO()
    assert download(address(f"/to/{address('/model')}"), stream, 100) == 5


@pytest.mark.parametrize(
    "target", ["http://example.invalid/model", "ftp://127.0.0.1/model"]
)
def test_redirect_to_what_anyone_could_exchange(address: Address, target: str) -> None:
    """It is not followed."""
    with pytest.raises(FerError) as caught:
        download(address(f"/to/{target}"), io.BytesIO(), 100)
    assert str(caught.value) == (
        f"{address(f'/to/{target}')}: sends on to {target}, which is not https"
    )


def test_redirect_to_a_file_of_this_machine(address: Address) -> None:
    """It is not followed."""
    with pytest.raises(FerError, match=r"Redirection to url .* is not allowed"):
        download(address("/to/file:///etc/passwd"), io.BytesIO(), 100)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://example.org/x", True),
        ("http://localhost:8000/x", True),
        ("http://127.0.0.1/x", True),
        ("http://[::1]/x", True),
        ("http://example.org/x", False),
        ("http://127.0.0.1.example.org/x", False),
        ("http://127.0.0.1@example.org/x", False),
    ],
)
def test_private_addresses(url: str, *, private: bool) -> None:
    """https, and what does not leave the machine."""
    assert is_private(url) is private
