"""The directory of a run: new, empty, or what a run that broke off has left."""

import tempfile
from pathlib import Path

from fer_contract.errors import DataError
from fer_contract.manifest import MANIFEST_NAME, RunManifest

HISTORY = "history.csv"
METRICS = "metrics.json"
CURVES = "curves.png"

PARTS = (RunManifest.MODEL, HISTORY, METRICS, CURVES, f"{MANIFEST_NAME}.part")
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
        if path.name not in PARTS or not path.is_file()
    )
    if foreign:
        raise DataError(
            f"{directory}: not empty ({foreign[0]!r}); a new or empty directory is "
            "wanted"
        )


def make_empty(directory: Path) -> None:
    """Make the directory, or empty it of a run that broke off.

    Raises:
        DataError: as ``check_unused``.
        OSError: it cannot be made or written; better known now than in an hour.
    """
    check_unused(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        (directory / name).unlink(missing_ok=True)
    tempfile.TemporaryFile(dir=directory).close()
