"""Installed models: a folder of complete bundles, and which one is active.

::

    models/
    ├── slim-fe309149-897bf3f2/       a bundle, named by it and its manifest's digest
    ├── active   -> slim-…            not there where the released model is active
    ├── previous -> …                 what was active before; not there: the released
    ├── records.json                  what is remembered of each
    ├── .lock                         held while any of this is changed
    └── .incoming-…/                  being installed, or left by a process that died
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fer_contract.errors import FerError, RefusedError
from fer_contract.manifest import MANIFEST_NAME
from fer_edge.models.durable import point, sync_folder
from fer_edge.models.probation import Activated, Event, Record, on_probation, step
from fer_edge.models.records import read_records, write_records
from fer_edge.state import state_directory

RELEASED_NAME = "released"
"""What commands call the model that came with the package."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}-[0-9a-f]{8}")
_DIGITS = 8
_INCOMING = ".incoming-"
_LOCK_SECONDS = 10.0
"""Every change takes a moment; whoever holds the lock for longer hangs."""
_POLL_SECONDS = 0.02


def default_folder() -> Path:
    """Return where this device's models are, or would be."""
    return state_directory() / "models"


def store_name(name: str, digest: str) -> str:
    """Return what a bundle is called in the store.

    Args:
        name: the model's.
        digest: SHA-256 of its manifest.
    """
    return f"{name}-{digest[:_DIGITS]}"


def manifest_digest(bundle: Path) -> str:
    """Return the digest that a manifest, which was checked, holds of itself."""
    text = (bundle / MANIFEST_NAME).read_text(encoding="utf-8")
    return str(json.loads(text)["digest"])


class Store:
    """The folder of installed models; it need not be there to be looked into.

    None stands for the released model, which is not in it.

    Args:
        folder: ``default_folder()``, but in tests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records = folder / "records.json"

    def names(self) -> list[str]:
        """Return what is installed, the newest first."""
        ages: list[tuple[float, str]] = []
        # Neither the folder nor a model of it need still be there.
        with contextlib.suppress(FileNotFoundError):
            ages.extend(
                (-path.stat().st_mtime, path.name)
                for path in self.folder.iterdir()
                if self.has(path.name)
            )
        return [name for _, name in sorted(ages)]

    def path(self, name: str) -> Path:
        """Return the bundle of an installed model."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Tell whether a model is installed."""
        # A folder comes here by one rename, with its manifest or not at all.
        path = self.folder / name
        return bool(_NAME.fullmatch(name)) and (path / MANIFEST_NAME).is_file()

    @property
    def active(self) -> str | None:
        """What the daemon is to run."""
        return self._pointed("active")

    @property
    def previous(self) -> str | None:
        """What it ran before."""
        return self._pointed("previous")

    def can_roll_back(self) -> bool:
        """Tell whether there is something before the active one."""
        return self.active != self.previous

    def records(self) -> dict[str, Record]:
        """Return what is remembered, a name."""
        return read_records(self._records)

    def record(self, name: str) -> Record:
        """Return what is remembered of a model."""
        return self.records().get(name, Record())

    def happened(self, name: str, event: Event) -> Record:
        """Remember an event; to be called under the lock.

        Returns:
            What is remembered now.
        """
        records = self.records()
        old = records.get(name, Record())
        records[name] = new = step(old, event)
        if new != old:
            # Of what is no longer installed nothing need be known.
            known = {key: value for key, value in records.items() if self.has(key)}
            write_records(self._records, known)
        return new

    def activate(self, name: str | None) -> None:
        """Make a model the active one, and the present one the previous; under lock.

        Killed between any two steps, it leaves one of the two active.
        """
        active = self.active
        if name is not None:
            if not self.has(name):
                raise FerError(f"{name}: not installed any more")
            self.happened(name, Activated())
        if name == active:
            return
        # What is yet unproven is nothing to return to, as long as that may be needed.
        if not (self._unproven(name) and self._unproven(active)) or (
            self.previous == name
        ):
            point(self.folder / "previous", active)
        point(self.folder / "active", name)

    def remove(self, name: str) -> None:
        """Take a model away at one stroke; under lock."""
        if name in (self.active, self.previous):
            which = "active" if name == self.active else "previous"
            raise RefusedError(f"{name}: the {which} model is not removed")
        with self.workspace(locked=True) as workspace:
            self.path(name).rename(workspace / name)
            sync_folder(self.folder)

    def prune(self, keep: int, but: str) -> list[str]:
        """Remove the oldest models beyond a number, never active or previous; locked.

        Args:
            keep: how many may stay.
            but: also kept.

        Returns:
            What was removed.
        """
        held = {self.active, self.previous, but}
        names = self.names()
        loose = [name for name in names if name not in held]
        kept = max(keep - (len(names) - len(loose)), 0)
        for name in loose[kept:]:
            self.remove(name)
        return loose[kept:]

    def admit(self, bundle: Path, name: str) -> bool:
        """Take in a bundle that was examined, from a workspace; under lock.

        One that is there already gets each of its files anew, should one be damaged.

        Returns:
            Whether it is new.
        """
        target = self.path(name)
        if self.has(name):
            if manifest_digest(target) != manifest_digest(bundle):
                raise RefusedError(f"{target}: another model of this name is there")
            for file in bundle.iterdir():
                file.replace(target / file.name)
            sync_folder(target)
            return False
        bundle.rename(target)
        sync_folder(self.folder)
        return True

    @contextlib.contextmanager
    def workspace(self, *, locked: bool = False) -> Iterator[Path]:
        """Give a folder beside the models, and clear it away, come what may.

        Those that killed processes have left are cleared away too: a process holds the
        lock of its own for as long as it lives.

        Args:
            locked: whether the store's lock is held already.
        """
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with contextlib.nullcontext() if locked else self.lock():
                self._clear_leftovers()
                path = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self.folder))
                stack.callback(shutil.rmtree, path, ignore_errors=True)
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield path

    @contextlib.contextmanager
    def lock(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Keep others from changing the store.

        Raises:
            FerError: somebody else holds it for longer than is waited.
            OSError: it cannot be had here.
        """
        path = self.folder / ".lock"
        flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        until = time.monotonic() + seconds
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as held:
                    if time.monotonic() >= until:
                        raise FerError(
                            f"{path}: held by another command for {seconds:g} s"
                        ) from held
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def _pointed(self, link: str) -> str | None:
        try:
            name = str((self.folder / link).readlink())
        except OSError as failure:
            if failure.errno in (errno.ENOENT, errno.EINVAL, errno.EACCES):
                return None  # none, no link, or in another user's folder
            raise
        return name if self.has(name) else None

    def _unproven(self, name: str | None) -> bool:
        return name is not None and on_probation(self.record(name))

    def _clear_leftovers(self) -> None:
        for path in self.folder.glob(f"{_INCOMING}*"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            except BlockingIOError:
                continue  # its process lives
            finally:
                os.close(descriptor)
