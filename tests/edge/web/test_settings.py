"""``[http]``: what is refused before a port is opened."""

import subprocess
import sys
from pathlib import Path

import pytest

from fer_edge.errors import ConfigurationError
from fer_edge.web import HttpSettings, complaints, read_token
from web_served import TOKEN


def test_nothing_is_loaded_that_is_not_asked_for() -> None:
    """A device without a page spends no memory on one."""
    program = (
        "import sys, fer_edge.config, fer_edge.start, fer_edge.web;"
        "print({'aiohttp', 'prometheus_client', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_default() -> None:
    """No port is opened, and nothing is complained of."""
    assert HttpSettings().port == 0
    assert complaints(HttpSettings()) == []
    assert complaints(HttpSettings(bind="0.0.0.0")) == []


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.8.9.1", "::1"])
def test_loopback(bind: str) -> None:
    """Programs on the same machine need no token."""
    assert complaints(HttpSettings(port=8080, bind=bind)) == []


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.168.1.20", "fe80::1%eth0"])
def test_beyond_loopback_without_token(bind: str, token_file: str) -> None:
    """A token is needed, wherever it comes from."""
    settings = HttpSettings(port=8080, bind=bind)
    assert complaints(settings) == [
        f"http.token_file: empty; with bind {bind} a token is needed, from a file, the "
        "systemd credential http-token (sudo fer-edge service secret http-token "
        "--random) or FER_EDGE_HTTP_TOKEN"
    ]
    named = HttpSettings(port=8080, bind=bind, token_file=token_file)
    assert complaints(named) == []


def test_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where no file is named."""
    monkeypatch.setenv("FER_EDGE_HTTP_TOKEN", TOKEN)
    settings = HttpSettings(port=8080, bind="0.0.0.0")
    assert complaints(settings) == []
    assert read_token(settings) == TOKEN


def test_token_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where no file is named."""
    (tmp_path / "http-token").write_text(TOKEN)
    (tmp_path / "http-token").chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert complaints(HttpSettings(port=8080, bind="0.0.0.0")) == []


@pytest.mark.parametrize(
    "token",
    ["seventeen", "x" * 257, "0123456789 abcdef", "é" * 20],
    ids=["short", "long", "blank", "letters"],
)
def test_no_token(token: str, token_file: str) -> None:
    """What is too short to be safe, or cannot stand in a header, is refused unshown."""
    Path(token_file).write_text(token)
    settings = HttpSettings(port=8080, token_file=token_file)
    (line,) = complaints(settings)
    assert line.startswith(
        f"http.token_file: {token_file}: {len(token)} characters; a token is 16 to 256 "
    )
    assert token not in line
    with pytest.raises(ConfigurationError):
        read_token(settings)


def test_missing_token_file(tmp_path: Path) -> None:
    """It is named."""
    path = tmp_path / "nowhere"
    settings = HttpSettings(port=8080, bind="::", token_file=str(path))
    assert complaints(settings) == [
        f"http.token_file: {path}: No such file or directory"
    ]


@pytest.mark.parametrize("bind", ["localhost", "eth0", "127.0.0.1:8080", ""])
def test_no_address(bind: str) -> None:
    """Only an address says who can reach it."""
    assert complaints(HttpSettings(port=8080, bind=bind)) == [
        f"http.bind: {bind!r}; an IP address is wanted, as 127.0.0.1"
    ]
