"""Files that are no outbox make room for one, and are kept for whoever is curious."""

from datetime import UTC, datetime
from pathlib import Path

# Each may be as large as an outbox; a card that wears out spoils one after another.
_KEPT = 2

_COMPANIONS = ("-wal", "-shm")
"""What SQLite puts beside its file, by the end of the name."""


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
    # The file itself last: broken off before, this begins again at the next opening.
    for end in (*_COMPANIONS, ""):
        source = path.with_name(path.name + end)
        if source.exists():
            source.replace(target.with_name(target.name + end))
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
        for end in (*_COMPANIONS, ""):
            old.with_name(old.name + end).unlink(missing_ok=True)
