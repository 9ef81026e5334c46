"""A directory that is there whole or not at all."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from fer_contract.errors import DataError
from fer_contract.manifest import MANIFEST_NAME


class Staging:
    """A context in which a bundle is made beside its place.

    ``finish`` moves it there, ``refuse`` moves it aside; without either, and after
    any error, nothing of it remains.

    Args:
        place: the directory wanted.
        force: replace the bundle that is there. Only a bundle: a mistyped path must
            not cost someone's files.

    Raises:
        DataError: the place is in use.
        OSError: its parent cannot be written.
    """

    def __init__(self, place: Path, *, force: bool) -> None:
        self._place = place
        if place.exists() and not force:
            raise DataError(f"{place}: already there; --force replaces it")
        if place.exists() and not (place / MANIFEST_NAME).is_file():
            raise DataError(f"{place}: is no bundle, so --force does not replace it")

    def __enter__(self) -> "Staging":
        parent = self._place.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{self._place.name}."
        # Beside its place, since a rename works on one file system only.
        self._root = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self.directory = self._root / "new"
        self.directory.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def finish(self) -> None:
        """Move the directory to its place."""
        if self._place.exists():
            self._place.rename(self._root / "old")
        self.directory.rename(self._place)

    def refuse(self) -> Path:
        """Move the directory aside; return where it lies."""
        refused = self._place.with_name(f"{self._place.name}.refused")
        if refused.exists():
            refused.rename(self._root / "refused-before")
        return self.directory.rename(refused)
