"""A model comes to the device: fetched, unpacked beside the store, examined, let in."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from fer_contract.errors import DigestError, FerError, RefusedError
from fer_edge.models import KEPT
from fer_edge.models.examining import examine
from fer_edge.models.owner import acting_for
from fer_edge.models.probation import Record, Stage
from fer_edge.models.signature import PublicKey
from fer_edge.models.sources import (
    NORMAL,
    Limits,
    Member,
    copy_members,
    open_source,
    open_zip,
)
from fer_edge.models.store import RELEASED_NAME, Store, manifest_digest, store_name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed, and by which rules."""

    source: str
    """A folder, a zip, or the http(s) address of one."""
    sha256: str = ""
    """Of the zip; empty if it is not known."""
    key: PublicKey | None = None
    """Whose signature is wanted, if any."""
    limits: Limits = NORMAL
    keep: int = KEPT
    """How many models may be there afterwards, active and previous included."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of it."""

    name: str
    new: bool
    pruned: tuple[str, ...]


def install(store: Store, wanted: Wanted) -> Installed:
    """Install a model, complete or not at all, whenever this process is killed.

    Raises:
        FerError: what is wrong with it; nothing has changed.
        OSError: it cannot be read or written; nothing has changed.
    """
    with _opened(wanted) as members, acting_for(store.folder.parent):
        with store.workspace() as workspace:
            bundle = workspace / "bundle"
            bundle.mkdir()
            bundle.chmod(0o755)  # the daemon reads it, whatever the umask
            copy_members(members, bundle, wanted.source, wanted.limits)
            manifest = examine(bundle, wanted.source, wanted.key)
            name = store_name(manifest.name, manifest_digest(bundle))
            with store.lock():
                new = store.admit(bundle, name)
        with store.lock():
            pruned = store.prune(wanted.keep, but=name)
    return Installed(name, new, tuple(pruned))


def use(
    store: Store, name: str, key: PublicKey | None = None, *, again: bool = False
) -> None:
    """Make a model the active one, if it passes its self-test now.

    Args:
        store: where it is.
        name: as ``find`` gives it.
        key: whose signature is wanted, if any.
        again: also one that has failed on this device.

    Raises:
        FerError: what keeps it from being used; nothing has changed.
        OSError: it cannot be read, or the store not be written.
    """
    chosen = None if name == RELEASED_NAME else name
    record = Record() if chosen is None else store.record(chosen)
    if record.stage is Stage.FAILED and not again:
        raise RefusedError(
            f"{name}: failed on this device ({record.reason}); "
            "it is tried anew with --again"
        )
    if chosen is None and store.active is None:
        return
    with acting_for(store.folder.parent):
        if chosen is not None:
            examine(store.path(chosen), str(store.path(chosen)), key)
        with store.lock():
            store.activate(chosen)


def remove(store: Store, name: str) -> None:
    """Remove an installed model.

    Args:
        store: where it is.
        name: as ``find`` gives it.

    Raises:
        FerError: it is needed.
        OSError: the store cannot be written.
    """
    if name == RELEASED_NAME:
        raise RefusedError(f"{name}: came with the package, and stays with it")
    with acting_for(store.folder.parent), store.lock():
        store.remove(name)


def find(store: Store, name: str) -> str:
    """Return the name of an installed model, of which the beginning is enough.

    Raises:
        FerError: none is meant, or several are.
    """
    names = [*store.names(), RELEASED_NAME]
    found = [other for other in names if other.startswith(name)]
    if name in names:
        return name
    if len(found) != 1:
        lack = f"could be {', '.join(found)}" if name and found else "not installed"
        raise FerError(f"{name}: {lack}; fer-edge models list shows all")
    return found[0]


@contextmanager
def _opened(wanted: Wanted) -> Iterator[list[Member]]:
    """Open the source, with the rights of whoever gave the command."""
    from fer_edge.downloading import is_address

    with ExitStack() as stack:
        if is_address(wanted.source):
            # Without a name, so that nothing is left of it.
            stream: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
            _fetch(wanted, stream)
            yield open_zip(stream, wanted.source, wanted.limits, stack)
            return
        path = Path(wanted.source)
        if wanted.sha256:
            if not path.is_file():
                raise FerError(f"{path}: no file, so it has no SHA-256")
            with path.open("rb") as brought:
                _check_digest(brought, wanted)
        yield open_source(path, wanted.limits, stack)


def _fetch(wanted: Wanted, stream: BinaryIO) -> None:
    from fer_edge.downloading import download, is_private

    url, most = wanted.source, wanted.limits.all_bytes
    if not (is_private(url) or wanted.sha256 or wanted.key):
        raise FerError(
            f"{url}: anyone on the way could exchange it; give https, --sha256, or "
            "model.public_key"
        )
    if download(url, stream, most + 1) > most:
        raise RefusedError(f"{url}: more than {most:,} bytes, which are allowed")
    if wanted.sha256:
        _check_digest(stream, wanted)


def _check_digest(stream: IO[bytes], wanted: Wanted) -> None:
    stream.seek(0)
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    seen = digest.hexdigest()
    if seen != wanted.sha256:
        raise DigestError(
            f"{wanted.source}: SHA-256 is {seen[:12]}…; {wanted.sha256[:12]}… is wanted"
        )
