"""The file of YuNet: fetched or brought, and used only if it is the very one."""

import hashlib
import io
import os
from pathlib import Path

from fer_contract.errors import DigestError, FerError, naming
from fer_contract.manifest import sha256
from fer_edge.state import state_directory

NAME = "face_detection_yunet_2023mar.onnx"
"""MIT, by Shiqi Yu and others, from OpenCV's zoo."""

URL = (
    # The commit that brought it: on the main branch it may move. This address, unlike
    # raw.githubusercontent.com, gives the file and not its Git LFS pointer.
    "https://github.com/opencv/opencv_zoo/raw/82b38c8f98e7b52aa171400f3e4c722352d0669f/"
    f"models/face_detection_yunet/{NAME}"
)

FETCH = "fer-edge models fetch-detector"
"""What mends a missing file."""

_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
_BYTES = 232_589


def detector_path() -> Path:
    """Return where the fetched file lies, or would."""
    return state_directory() / NAME


def fetched_detector() -> Path | None:
    """Return the fetched file, or None if there is none."""
    path = detector_path()
    try:
        return path if path.is_file() else None
    except PermissionError:  # the folder is another user's: nothing of ours in it
        return None


def check_detector(path: Path) -> None:
    """Find out whether a file is the one.

    Raises:
        DigestError: it is not.
        OSError: it cannot be read.
    """
    with naming(path):
        _check(sha256(path), path.stat().st_size, str(path))


def is_detector(path: Path) -> bool:
    """Tell whether the very file is there already."""
    return path.is_file() and sha256(path) == _SHA256


def fetch_detector(url: str, path: Path) -> None:
    """Download the file, by the proxy that the environment names, if any.

    Args:
        url: http or https.
        path: where it is put, once it has all arrived and proved to be the one.

    Raises:
        FerError: no such address, or it did not answer, or not to the end.
        DigestError: it gave another file.
        OSError: the file cannot be written.
    """
    from fer_edge.downloading import download

    content = io.BytesIO()
    # One more than wanted is enough to know that it is another file.
    download(url, content, _BYTES + 1)
    _put(content.getvalue(), url, path)


def install_detector(source: Path, path: Path) -> None:
    """Copy the file from a disk or a stick.

    Args:
        source: the copy that was brought.
        path: where it is put, if it is the one.

    Raises:
        DigestError: it is another file.
        OSError: the copy cannot be read, or the file not written.
    """
    with naming(source), source.open("rb") as stream:
        content = stream.read(_BYTES + 1)
    _put(content, str(source), path)


def _put(content: bytes, origin: str, path: Path) -> None:
    """Write what proves to be the file: complete or not at all, also on power loss."""
    _check(hashlib.sha256(content).hexdigest(), len(content), origin)
    if path.exists() and not path.is_file():
        raise FerError(f"{path}: already there, and no file")
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, for two that fetch at once.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with naming(unfinished), unfinished.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check(seen: str, size: int, origin: str) -> None:
    if seen != _SHA256:
        more = "more than " if size > _BYTES else ""
        raise DigestError(
            f"{origin}: {more}{min(size, _BYTES):,} bytes with SHA-256 {seen[:12]}…; "
            f"{NAME} has {_BYTES:,} with {_SHA256[:12]}…"
        )
