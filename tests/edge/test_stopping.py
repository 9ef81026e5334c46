"""SIGTERM before there was a frame: whatever the daemon waits for, it ends in order."""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_contract.manifest import BundleManifest, read_manifest, write_manifest
from fer_contract.tflite import EDGETPU_MARK
from fer_edge.models import RELEASED
from running_daemon import StartDaemon

_STALL_SECONDS = 50.0
_AWAY = "/dev/fer-edge-has-no-such-camera"


@pytest.fixture
def silent_camera() -> Iterator[str]:
    """The URL of a camera that takes every call and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/door"


@pytest.fixture
def compiled_bundle(tmp_path: Path) -> Path:
    """The released model with a file that looks compiled for the Edge TPU."""
    folder = Path(shutil.copytree(RELEASED, tmp_path / "bundle"))
    manifest = read_manifest(folder, BundleManifest)
    (folder / manifest.EDGETPU).write_bytes(EDGETPU_MARK)
    write_manifest(folder, manifest, [*manifest.files, manifest.EDGETPU])
    return folder


def _write(config: Path, source: str, bundle: str | Path = "") -> Path:
    config.write_text(
        f'[camera]\nsource = "{source}"\nstall_seconds = {_STALL_SECONDS}\n'
        f'[model]\nbundle = "{bundle}"\n[law]\npurpose = "testing"\n'
    )
    return config


def _check_last_words(lines: list[str]) -> None:
    assert "INFO SIGTERM: stopping" in lines
    assert lines[-1].startswith("fer-edge: 0 frames in ")
    assert "Traceback" not in "\n".join(lines)


def test_camera_that_is_away(start_daemon: StartDaemon, tmp_path: Path) -> None:
    """It is in the pause before the next opening."""
    daemon = start_daemon(_write(tmp_path / "a.toml", _AWAY))
    daemon.wait_for("opening it again")
    _check_last_words(daemon.stop())


def test_camera_that_never_answers(
    start_daemon: StartDaemon, tmp_path: Path, silent_camera: str
) -> None:
    """A thread hangs in the opening, for as long as a stall is borne."""
    daemon = start_daemon(_write(tmp_path / "a.toml", silent_camera))
    daemon.wait_for("reading http://127.0.0.1:")
    begun = time.monotonic()
    _check_last_words(daemon.stop())
    assert time.monotonic() - begun < _STALL_SECONDS / 2


def test_edge_tpu_that_starts(
    start_daemon: StartDaemon, tmp_path: Path, compiled_bundle: Path
) -> None:
    """Its process is gone with the daemon."""
    config = _write(tmp_path / "a.toml", _AWAY, compiled_bundle)
    daemon = start_daemon(config)
    daemon.wait_for("Edge TPU: starting")
    _check_last_words(daemon.stop())
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            assert str(compiled_bundle).encode() not in command.read_bytes()
