"""Files that are no outbox make room for one, and are kept for whoever is curious."""

from datetime import UTC, datetime
from pathlib import Path

# Each may be as large as an outbox; a card that wears out spoils one after another.
_KEPT = 2

_COMPANIONS = ("-wal", "-shm")
"""What SQLite puts beside its file, by the end of the name."""


def with_companions(path: Path) -> tuple[Path, ...]:
    """Return a file of SQLite and what may be beside it, the file itself last.

    Whatever is done with them and broken off can then be done again.
    """
    return (*(path.with_name(path.name + end) for end in _COMPANIONS), path)


def set_aside(path: Path, at: datetime) -> Path:
    """Rename a file and its companions, and remove what was set aside long ago.

    Args:
        path: the file.
        at: this moment, for its new name; the wall clock may be wrong.

    Returns:
        Where it is now.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    for source, goal in zip(
        with_companions(path), with_companions(target), strict=True
    ):
        if source.exists():
            source.replace(goal)
    _remove_oldest(path)
    return target


def _remove_oldest(path: Path) -> None:
    """Remove all but the newest by name; a wrong clock may cost the wrong one."""
    aside = sorted(
        found
        for found in path.parent.glob(f"{path.name}.corrupt-*")
        if not found.name.endswith(_COMPANIONS)
    )
    for old in aside[:-_KEPT]:
        for each in with_companions(old):
            each.unlink(missing_ok=True)
