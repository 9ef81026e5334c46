"""The directory of a run: new, empty, or what a run that broke off has left."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fer_contract.errors import DataError, FerError
from fer_contract.manifest import MANIFEST_NAME, RunManifest
from fer_trainer.training.checkpoint import Checkpoint, load_checkpoint

HISTORY = "history.csv"
METRICS = "metrics.json"
CURVES = "curves.png"
CHECKPOINT = "checkpoint.npz"
TENSORBOARD = "tensorboard"

PARTS = (
    RunManifest.MODEL,
    HISTORY,
    METRICS,
    CURVES,
    CHECKPOINT,
    f"{CHECKPOINT}.part",
    f"{MANIFEST_NAME}.part",
    TENSORBOARD,
)
"""What a run has before its manifest; a directory of these alone is unfinished."""


def check_unused(directory: Path) -> None:
    """Check that a run may be written here. Changes nothing.

    Raises:
        DataError: it is a file, a finished run, or holds what no run has written.
    """
    if directory.exists() and not directory.is_dir():
        raise DataError(f"{directory}: is a file; a new or empty directory is wanted")
    if not directory.is_dir():
        return
    if (directory / MANIFEST_NAME).exists():
        raise DataError(
            f"{directory}: already holds a finished run; name a new directory"
        )
    foreign = sorted(
        path.name
        for path in directory.iterdir()
        if path.name not in PARTS or path.is_dir() != (path.name == TENSORBOARD)
    )
    if foreign:
        raise DataError(
            f"{directory}: not empty ({foreign[0]!r}); a new or empty directory is "
            "wanted"
        )


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[None]:
    """Make the directory, and keep every other training out of it for the block.

    Raises:
        DataError: as ``check_unused``, or another process trains into it.
        OSError: it cannot be made or written; better known now than in an hour.
    """
    check_unused(directory)
    directory.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=directory).close()
    with locked(directory):
        yield


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep every other process that asks for the same out of a directory.

    Raises:
        DataError: one is in it.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise DataError(
                f"{directory}: another process trains into it; wait for it, or name "
                "another directory"
            ) from busy
        yield
    finally:
        os.close(handle)


def empty(directory: Path) -> None:
    """Remove what a run that broke off has left."""
    for name in PARTS:
        if name == TENSORBOARD:
            shutil.rmtree(directory / name, ignore_errors=True)
        else:
            (directory / name).unlink(missing_ok=True)


def take_up(directory: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Return where a training of the same plan broke off, or None.

    Raises:
        FerError: what lies there is of another plan, or damaged.
    """
    path = directory / CHECKPOINT
    if not path.exists():
        return None
    checkpoint = load_checkpoint(path)
    difference = first_difference(checkpoint.identity, identity)
    if difference:
        raise FerError(
            f"{directory}: an unfinished training with {difference}; name another "
            "directory, or --restart trains from the beginning"
        )
    return checkpoint


def first_difference(old: Any, new: Any, where: str = "") -> str:
    """Return where two JSON documents differ first, and how, or nothing."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            found = first_difference(
                old.get(key), new.get(key), f"{where}.{key}".strip(".")
            )
            if found:
                return found
        return ""
    return "" if old == new else f"{where} {old!r}, now {new!r}"
