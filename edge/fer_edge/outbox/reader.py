"""Events out of the file of SQLite, beside the one who writes it."""

import contextlib
from collections.abc import Collection
from pathlib import Path

from fer_edge.outbox.database import DamagedError, checksum, connect, told_apart
from fer_edge.outbox.schema import Row


class Reader:
    """The file as one sees it who only reads, and is not kept waiting by the writer.

    Args:
        path: a file that ``Store`` has opened.

    Raises:
        DiskError: it cannot be opened now.
        DamagedError: it is no database.
    """

    def __init__(self, path: Path) -> None:
        with told_apart():
            self._connection = connect(path)

    def oldest(self, after: int, before: int, limit: int) -> list[Row]:
        """Return the oldest events between two positions, both exclusive.

        Raises:
            DiskError: they cannot be read now.
            DamagedError: what is there is not what was stored.
        """
        with told_apart():
            found = self._connection.execute(
                "SELECT position, age, checksum, text FROM event "
                "WHERE position > ? AND position < ? ORDER BY position LIMIT ?",
                (after, before, limit),
            ).fetchall()
        rows = []
        for position, age, stored, text in found:
            if stored != checksum(text):
                raise DamagedError(f"event {position} is not what was stored")
            rows.append(Row(position, age, text.decode()))
        return rows

    def has_only(self, positions: Collection[int]) -> bool:
        """Tell whether the file has no events but these."""
        with told_apart():
            found = self._connection.execute("SELECT position FROM event")
            with contextlib.closing(found):
                return all(position in positions for (position,) in found)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
