"""Files that are complete or not there, also after a power cut."""

import os
from pathlib import Path

from fer_contract.errors import naming


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place of the one that is there.

    Only one process may do so at a time: the unfinished file has a name of its own, so
    that a killed one leaves no more than that.
    """
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    # Nothing that was put in its place is followed or written to.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with naming(unfinished), os.fdopen(os.open(unfinished, flags), "wb") as stream:
            # Whoever the daemon runs as is to read it, whatever the umask.
            os.fchmod(stream.fileno(), 0o644)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def point(link: Path, target: str | None) -> None:
    """Have a symbolic link point elsewhere at one stroke; None takes it away."""
    if target is None:
        link.unlink(missing_ok=True)
    else:
        unfinished = link.with_name(f".{link.name}.part")
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(target)
        unfinished.replace(link)
    sync_folder(link.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with naming(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
