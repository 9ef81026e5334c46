"""A directory that is there whole or not at all."""

import json
import os
import shutil
from pathlib import Path
from types import TracebackType

from fer_contract.errors import DataError
from fer_contract.manifest import MANIFEST_NAME, BundleManifest

REPORTS = (BundleManifest.REPORT, BundleManifest.REPORT_PAGE)
EDGETPU_FILES = (BundleManifest.EDGETPU, "model_int8_edgetpu.log")
"""What the Edge TPU compiler puts beside a model, when someone runs it by hand."""


class Staging:
    """A context in which a bundle is made beside its place.

    ``finish`` moves it there, ``refuse`` moves it aside; without either, and after
    any error, nothing of it remains. What a killed process left is swept up by the
    next one: a place is for one conversion at a time.

    Args:
        place: the directory wanted; a new one, an empty one, or with ``force`` a
            bundle. Only a bundle: a mistyped path must not cost someone's files.
        force: replace the bundle that is there.

    Raises:
        DataError: the place is in use, or cannot be replaced.
    """

    def __init__(self, place: Path, *, force: bool) -> None:
        self._place = place.resolve()
        if self._place.is_mount():
            raise DataError(f"{place}: a mount point; name a directory in it")
        self._root = self._place.with_name(f".{self._place.name}.unfinished")
        self._refused = self._place.with_name(f"{self._place.name}.refused")
        self.directory = self._root / "new"
        self._restore()
        # Said before the work, not after it.
        if not _is_free(self._refused) and not _holds_only(self._refused, REPORTS):
            raise DataError(f"{self._refused}: in the way of the report of a refusal")
        if _is_free(self._place):
            return
        if not force:
            raise DataError(f"{place}: already there; --force replaces a bundle")
        if not _is_bundle(self._place):
            raise DataError(
                f"{place}: holds more than a bundle, so --force does not replace it"
            )

    def __enter__(self) -> "Staging":
        shutil.rmtree(self._root, ignore_errors=True)
        # Beside its place, since a rename works on one file system only.
        self.directory.mkdir(parents=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        shutil.rmtree(self._root, ignore_errors=True)

    def finish(self) -> None:
        """Move the directory to its place."""
        if self._place.exists():
            self._place.rename(self._root / "old")
        self.directory.rename(self._place)
        if _holds_only(self._refused, REPORTS):
            shutil.rmtree(self._refused)

    def refuse(self) -> Path:
        """Move the directory aside; return where it lies."""
        if _holds_only(self._refused, REPORTS):
            shutil.rmtree(self._refused)
        return self.directory.rename(self._refused)

    def _restore(self) -> None:
        """Put the old bundle back if the process ended between two renames."""
        old = self._root / "old"
        if old.exists() and not self._place.exists():
            old.rename(self._place)


def _is_free(place: Path) -> bool:
    """Say whether there is nothing, or an empty directory."""
    return not os.path.lexists(place) or _holds_only(place, ())


def _is_bundle(place: Path) -> bool:
    """Say whether a directory is a bundle, good or damaged, and nothing more."""
    try:
        manifest = json.loads((place / MANIFEST_NAME).read_text(encoding="utf-8"))
        kind, files = manifest["kind"], [*manifest["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return kind == BundleManifest.KIND and _holds_only(
        place, (MANIFEST_NAME, *files, *EDGETPU_FILES)
    )


def _holds_only(directory: Path, names: tuple[str, ...]) -> bool:
    return directory.is_dir() and {path.name for path in directory.iterdir()} <= {
        *names
    }
