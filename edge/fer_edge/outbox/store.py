"""Events in a file of SQLite. No threads, no clocks, no second tries.

What survives what:

- The end of the program, ``kill -9`` included: everything whose ``change`` returned.
- A power cut: the same, as ``synchronous = FULL`` syncs the write-ahead log (WAL)
  before ``change`` returns. A change that was under way has happened as a whole or not
  at all: each page of the log has a checksum, and what lies behind the first wrong one
  never was. With ``NORMAL`` a power cut would take what came since the last checkpoint.
- A card that says "written" before it has: the file stays whole where the card at
  least keeps the order; the latest events may be gone. Nothing above it can help.
- A card that gives back other bytes than it took: SQLite notices in its own
  structures, ``checksum`` in the texts, and the file is called damaged.
"""

import contextlib
import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fer_edge.outbox.ageing import Reading
from fer_edge.outbox.budget import PAGE_BYTES, Budget
from fer_edge.outbox.database import (
    DamagedError,
    DiskError,
    checksum,
    connect,
    told_apart,
)
from fer_edge.outbox.schema import STATEMENTS, VERSION, Row, Tally


class Store:
    """The file as its one writer sees it; made if it is not there.

    Args:
        path: its folder is there.
        budget: the bounds.

    Raises:
        DiskError: it cannot be opened now.
        DamagedError: it is no outbox, or that of a later version.
    """

    def __init__(self, path: Path, budget: Budget) -> None:
        self._budget = budget
        self._log = path.with_name(f"{path.name}-wal")
        with told_apart(), contextlib.ExitStack() as failing:
            # Who was in front of the camera, and how they felt, is not for everyone. A
            # file that is there is left to SQLite: to close it here would give up the
            # locks that a reader in this process has on it (fcntl(2), "advisory").
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._connection = connect(path)
            failing.callback(self._connection.close)
            self._prepare()
            self.tally = self._read_tally()
            failing.pop_all()

    def change(
        self, new: Sequence[Row], gone: Collection[int], seq: int, now: Reading
    ) -> int:
        """Append and delete events, all or nothing, and drop what is beyond the bounds.

        Args:
            new: in order, not more text than a share of the budget.
            gone: positions, not more than the budget's ``removals``; of those that are
                not there, nothing is said.
            seq: of the last event so far.
            now: the time.

        Returns:
            How many events were dropped.

        Raises:
            DiskError: nothing is changed, as far as can be known.
            DamagedError: the file is not what was written.
        """
        tally = self.tally
        with self._transaction():
            events = tally.events - sum(
                self._run("DELETE FROM event WHERE position = ?", position)
                for position in gone
            )
            # Where the disk says that a commit failed, it may have happened all the
            # same, and the event comes a second time.
            events += sum(
                self._run(
                    "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)",
                    row.position,
                    row.age,
                    checksum(row.text.encode()),
                    row.text,
                )
                for row in new
            )
            most = 2 * len(new) + self._budget.drops
            dropped = 0
            while wanted := min(self._excess(events, now.age), most - dropped):
                self._drop(wanted)
                dropped += wanted
                events -= wanted
            position = max(tally.position, new[-1].position if new else 0)
            tally = Tally(position, max(tally.seq, seq), events, now)
            self._write_tally(tally)
        self.tally = tally
        return dropped

    def shift(self, distance: int) -> None:
        """Give all events higher positions.

        It takes several transactions. Broken off between two, it leaves all events
        there, some of them out of order.
        """
        last = self.tally.position
        tally = replace(self.tally, position=last + distance)
        # The last ones first, so that none lands on one that is still to move.
        while True:
            with self._transaction():
                self._write_tally(tally)
                found = self._connection.execute(
                    "SELECT position FROM event WHERE position <= ? "
                    "ORDER BY position DESC LIMIT ?",
                    (last, self._budget.removals),
                ).fetchall()
                for (position,) in found:
                    self._run(
                        "UPDATE event SET position = ? WHERE position = ?",
                        position + distance,
                        position,
                    )
                    last = position - 1
            self.tally = tally
            if not found:
                return

    def first(self) -> int | None:
        """Return the position of the oldest event; None without any."""
        with told_apart():
            return self._number("SELECT min(position) FROM event")

    def overfull(self, now: Reading) -> bool:
        """Tell whether events are to be dropped."""
        with told_apart():
            return self._excess(self.tally.events, now.age) > 0

    def tidy(self) -> bool:
        """Return some space to the file system, if much is free; tell whether it was.

        A little is kept, as new events soon need it again.
        """
        with told_apart():
            pages = self._number("PRAGMA page_count") or 0
            free = self._number("PRAGMA freelist_count") or 0
            much = free > pages - free + self._budget.removals
            if not free or not (much or pages > self._budget.pages):
                return False
            # Each page that is returned may first take the content of another.
            step = max(self._budget.removals // 4, 1)
            self._connection.execute(f"PRAGMA incremental_vacuum({step})").fetchall()
            return True

    def log_is_long(self) -> bool:
        """Tell whether the log is to be emptied, for which all readers must wait."""
        with told_apart():
            return self._log.stat().st_size > self._budget.log_bytes

    def empty_log(self) -> None:
        """Copy the log into the database, and cut it to nothing."""
        with told_apart():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file; where nobody reads it, the log is emptied and removed."""
        self._connection.close()

    def _prepare(self) -> None:
        version = self._number("PRAGMA user_version") or 0
        if version > VERSION:
            raise DamagedError(f"version {version}, which is later than {VERSION}")
        execute = self._connection.execute
        execute("PRAGMA synchronous = FULL")
        execute(f"PRAGMA wal_autocheckpoint = {self._budget.log_pages}")
        if version == 0:
            # Before the first table is made, or it has no effect.
            execute(f"PRAGMA page_size = {PAGE_BYTES}")
            execute("PRAGMA auto_vacuum = INCREMENTAL")
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != b"wal":
            raise DiskError("no write-ahead log on this file system, says SQLite")
        if version == 0:
            with self._transaction():
                for statement in STATEMENTS:
                    execute(statement)
        # After a sync that failed, the kernel may still show pages of the log which the
        # disk never got, and call them clean. Copied into the database they are written
        # once more, and the log begins anew.
        self.empty_log()

    def _read_tally(self) -> Tally:
        row = self._connection.execute("SELECT * FROM tally").fetchone()
        if row is None:
            raise DamagedError("it has lost its tally")
        position, seq, events, age, wall = row
        return Tally(position, seq, events, Reading(age, wall))

    def _write_tally(self, tally: Tally) -> None:
        self._run(
            "UPDATE tally SET position = ?, seq = ?, events = ?, age = ?, wall = ?",
            tally.position,
            tally.seq,
            tally.events,
            tally.last.age,
            tally.last.wall,
        )

    def _excess(self, events: int, age: float) -> int:
        """Return how many of the oldest are to go at least; 0 if all may stay."""
        if events == 0:
            return 0
        budget = self._budget
        pages = self._number("PRAGMA page_count") or 0
        used = pages - (self._number("PRAGMA freelist_count") or 0)
        # So many events lie on the pages that are too many, by the mean.
        crowd = -(-events * max(used - budget.pages, 0) // used)
        ages = self._connection.execute(
            "SELECT age FROM event ORDER BY position LIMIT ?", (budget.drops,)
        )
        with contextlib.closing(ages):
            old = itertools.takewhile(lambda row: row[0] < age - budget.max_age, ages)
            return max(events - budget.max_events, crowd, sum(1 for _ in old))

    def _drop(self, count: int) -> None:
        dropped = self._run(
            "DELETE FROM event WHERE position <= (SELECT max(position) FROM "
            "(SELECT position FROM event ORDER BY position LIMIT ?))",
            count,
        )
        if dropped != count:
            raise DamagedError("it has fewer events than it says")

    def _run(self, statement: str, *values: object) -> int:
        """Return how many rows it has changed."""
        return self._connection.execute(statement, values).rowcount

    def _number(self, statement: str) -> int | None:
        (value,) = self._connection.execute(statement).fetchone()
        return None if value is None else int(value)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with told_apart():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # Some failures have rolled it back already.
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise
