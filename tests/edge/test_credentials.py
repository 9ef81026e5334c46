"""Secrets: where they are looked for, and what is said of a place that has none."""

import os
from pathlib import Path

import pytest

from fer_edge.credentials import read_secret
from fer_edge.errors import ConfigurationError

_SECRET = "pässword with blanks "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a secret, for its owner alone."""
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text(f"{_SECRET}\n", encoding="utf-8")
    return path


def _refusal(file: Path | str, variable: str = "") -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_secret(str(file), "none", "SECRET", {"SECRET": variable})
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, OSError)
    return str(caught.value)


def test_no_place() -> None:
    """Where nothing is set there is none."""
    assert read_secret("", "secret", "SECRET", {}) is None
    assert read_secret("", "secret", "SECRET", {"SECRET": ""}) is None


def test_order_of_the_places(tmp_path: Path, file: Path) -> None:
    """A named file goes before systemd's credential, that before the environment."""
    (tmp_path / "secret").write_text("credential")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SECRET": "variable"}
    assert read_secret(str(file), "secret", "SECRET", environment) == _SECRET
    assert read_secret("", "secret", "SECRET", environment) == "credential"
    assert read_secret("", "other", "SECRET", environment) == "variable"


def test_store(tmp_path: Path, file: Path) -> None:
    """The service's own is found by those who may read it, after all other places."""
    file.rename(tmp_path / "fer-edge.secret")
    assert read_secret("", "secret", "SECRET", {}, tmp_path) == _SECRET
    given = {"SECRET": "variable"}
    assert read_secret("", "secret", "SECRET", given, tmp_path) == "variable"
    assert read_secret("", "other", "SECRET", {}, tmp_path) is None
    link = tmp_path / "fer-edge.other"
    link.symlink_to(tmp_path / "nowhere")
    assert read_secret("", "other", "SECRET", {}, tmp_path) is None


def test_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another one, the environment is this process' own."""
    monkeypatch.setenv("FER_EDGE_TEST_SECRET", "variable")
    assert read_secret("", "secret", "FER_EDGE_TEST_SECRET") == "variable"


@pytest.mark.parametrize(
    ("content", "secret"),
    [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), (" a \n", " a "), ("\t\n", "\t")],
)
def test_line_break(file: Path, content: str, secret: str) -> None:
    """An editor's line break is no part of the secret; a blank is."""
    file.write_bytes(content.encode())
    assert read_secret(str(file), "", "") == secret


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty; a secret is wanted"),
        (b"\n", "empty; a secret is wanted"),
        (b"user\nhunter2\n", "several lines; a secret of one is wanted"),
        (b"hunter2\xff", "not UTF-8; no secret"),
        (b"hunter2" * 1000, "more than 4096 bytes; no secret"),
    ],
)
def test_no_secret(file: Path, content: bytes, complaint: str) -> None:
    """What is none is refused wherever it stands, and nothing of it is shown."""
    file.write_bytes(content)
    assert _refusal(file) == f"{file}: {complaint}"
    if content:
        assert _refusal("", os.fsdecode(content)) == f"SECRET: {complaint}"


def test_missing_file(tmp_path: Path) -> None:
    """A file that is named and not there is refused, whatever else has a secret."""
    path = tmp_path / "missing"
    assert _refusal(path, "variable") == f"{path}: No such file or directory"


def test_folder_and_pipe(tmp_path: Path) -> None:
    """What is no file is refused, and not waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        assert _refusal(path) == f"{path}: not a file; a secret is wanted"


def test_file_that_everyone_can_read(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is good for a secret, and warned about once."""
    read_secret(str(file), "", "")
    assert caplog.messages == []
    file.chmod(0o644)
    for _ in range(2):
        assert read_secret(str(file), "", "") == _SECRET
    assert caplog.messages == [f"{file}: every user can read it; chmod o-r"]
