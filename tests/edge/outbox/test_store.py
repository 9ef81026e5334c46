"""The file of the outbox: its bounds, its size, and what it refuses to be."""

import sqlite3
import stat
from pathlib import Path

import pytest

from fer_edge.outbox import OutboxSettings
from fer_edge.outbox.ageing import Reading
from fer_edge.outbox.budget import MEGABYTE, Budget
from fer_edge.outbox.database import DamagedError, DiskError
from fer_edge.outbox.reader import Reader
from fer_edge.outbox.schema import Row
from fer_edge.outbox.store import Store
from outbox_writer import event

_TEXT = event(1).to_json()
_LAST = 10**9
_NOW = Reading(0.0, 0.0)


def _budget(
    events: int = 100_000, megabytes: float = 64.0, hours: float = 168.0
) -> Budget:
    return Budget.of(
        OutboxSettings(max_events=events, max_megabytes=megabytes, max_age_hours=hours)
    )


def _rows(first: int, last: int, age: float = 0.0) -> list[Row]:
    return [Row(position, age, _TEXT) for position in range(first, last + 1)]


def _positions(path: Path) -> list[int]:
    reader = Reader(path)
    found = [row.position for row in reader.oldest(0, _LAST, _LAST)]
    reader.close()
    return found


def _bytes(path: Path) -> int:
    """Of the file and what SQLite puts beside it."""
    return sum(found.stat().st_size for found in path.parent.glob(f"{path.name}*"))


def test_change_and_reopening(path: Path) -> None:
    """The events are there, and the last numbers outlive the events."""
    store = Store(path, _budget())
    assert store.change(_rows(1, 3), (), 7, _NOW) == 0
    assert store.change(_rows(4, 5), (2, 3, 99), 9, Reading(5.0, 6.0)) == 0
    assert _positions(path) == [1, 4, 5]
    store.change((), (1, 4, 5), 0, Reading(7.0, 8.0))
    store.close()
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    store = Store(path, _budget())
    tally = store.tally
    assert (tally.position, tally.seq, tally.events) == (5, 9, 0)
    assert tally.last == Reading(7.0, 8.0)
    assert store.first() is None
    store.close()


def test_nobody_else_may_read_it(path: Path) -> None:
    """It tells who was in front of the camera; SQLite's companions are the same."""
    store = Store(path, _budget())
    store.change(_rows(1, 1), (), 1, _NOW)
    found = list(path.parent.iterdir())
    assert len(found) == 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in found} == {0o600}
    store.close()


def test_too_many(path: Path) -> None:
    """The oldest go, in the transaction that brings the new ones."""
    store = Store(path, _budget(events=5))
    assert store.change(_rows(1, 4), (), 4, _NOW) == 0
    assert store.change(_rows(5, 7), (), 7, _NOW) == 2
    assert _positions(path) == [3, 4, 5, 6, 7]
    # What has arrived goes first, and counts as nothing lost.
    assert store.change(_rows(8, 9), (4, 6), 9, _NOW) == 0
    assert _positions(path) == [3, 5, 7, 8, 9]
    assert store.tally.events == 5
    store.close()


def test_too_old(path: Path) -> None:
    """Events go when they are older than the bound, not before."""
    store = Store(path, _budget(hours=1.0))
    store.change(_rows(1, 2, age=0.0), (), 2, _NOW)
    store.change(_rows(3, 3, age=1800.0), (), 3, _NOW)
    assert not store.overfull(Reading(3600.0, 0.0))
    assert store.overfull(Reading(3601.0, 0.0))
    assert store.change((), (), 0, Reading(3601.0, 0.0)) == 2
    assert _positions(path) == [3]
    store.close()


def test_size(path: Path) -> None:
    """All files together stay within the bound at every moment, and use much of it."""
    budget = _budget(megabytes=1.0)
    store = Store(path, budget)
    batch = budget.share // len(_TEXT)
    sizes, dropped, last = [], 0, 0
    for turn in range(60):
        rows = _rows(last + 1, last + (batch if turn % 2 else 1))
        last += len(rows)
        dropped += store.change(rows, (), last, _NOW)
        sizes.append(_bytes(path))
    assert max(sizes) <= MEGABYTE
    kept = _positions(path)
    assert kept == list(range(dropped + 1, last + 1))
    assert len(kept) * len(_TEXT) > 0.4 * MEGABYTE
    store.close()


def test_size_with_a_slow_reader(path: Path) -> None:
    """One who does not finish keeps the log from being copied, and may be sent away."""
    store = Store(path, _budget(megabytes=1.0))
    slow = sqlite3.connect(path, isolation_level=None)
    sizes, emptied = [], 0
    for last in range(40, 4001, 40):
        if not slow.in_transaction:
            slow.execute("BEGIN")
            slow.execute("SELECT count(*) FROM event").fetchall()
        store.change(_rows(last - 39, last), (), last, _NOW)
        sizes.append(_bytes(path))
        if store.log_is_long():
            slow.execute("COMMIT")
            store.empty_log()
            emptied += 1
    assert emptied > 3
    assert max(sizes) <= MEGABYTE
    slow.close()
    store.close()


def test_space_is_returned(path: Path) -> None:
    """A file whose events have arrived shrinks; a bound that was lowered is kept."""
    store = Store(path, _budget(megabytes=16.0))
    for first in range(1, 8001, 1000):
        store.change(_rows(first, first + 999), (), first + 999, _NOW)
    store.close()
    large = path.stat().st_size
    assert large > 3 * MEGABYTE
    store = Store(path, _budget(megabytes=2.0))
    dropped = 0
    while store.overfull(_NOW):
        dropped += store.change((), (), 0, _NOW)
        assert _bytes(path) < large + 2 * MEGABYTE
    assert _positions(path) == list(range(dropped + 1, 8001))
    while store.tidy():
        pass
    store.close()
    assert MEGABYTE < path.stat().st_size < 2 * MEGABYTE
    store = Store(path, _budget(megabytes=2.0))
    for first in range(dropped + 1, 8001, 20):
        store.change((), range(first, first + 20), 0, _NOW)
        store.tidy()
    while store.tidy():
        pass
    store.close()
    assert path.stat().st_size < 0.2 * MEGABYTE


def test_shift(path: Path) -> None:
    """All events keep their order at higher positions, by one or by many."""
    store = Store(path, _budget(megabytes=1.0))
    store.change(_rows(1, 100), (), 100, _NOW)
    store.shift(1)
    assert _positions(path) == list(range(2, 102))
    store.shift(1000)
    assert _positions(path) == list(range(1002, 1102))
    assert (store.tally.position, store.tally.events) == (1101, 100)
    store.close()


def test_event_that_comes_twice(path: Path) -> None:
    """Stored against the word of the disk, it is stored once."""
    store = Store(path, _budget())
    store.change(_rows(1, 2), (), 2, _NOW)
    store.change(_rows(1, 3), (), 3, _NOW)
    assert store.tally.events == 3
    assert _positions(path) == [1, 2, 3]
    store.close()


def test_no_database(path: Path) -> None:
    """A file of something else is damaged; an empty one is as good as none."""
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DamagedError, match="file is not a database"):
        Store(path, _budget())
    path.write_bytes(b"")
    Store(path, _budget()).close()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("PRAGMA user_version = 2", "version 2, which is later than 1"),
        ("DROP TABLE tally", "no such table: tally"),
        ("DELETE FROM tally", "it has lost its tally"),
        ("PRAGMA user_version = 0", "table event already exists"),
    ],
)
def test_database_of_another(path: Path, statement: str, says: str) -> None:
    """What is no outbox of this version is not touched."""
    Store(path, _budget()).close()
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()
    with pytest.raises(DamagedError, match=says):
        Store(path, _budget())


def test_fewer_events_than_told(path: Path) -> None:
    """A tally that is wrong does not make the bounds search for ever."""
    store = Store(path, _budget(events=1))
    other = sqlite3.connect(path)
    other.execute("UPDATE tally SET events = 50")
    other.commit()
    other.close()
    store.close()
    store = Store(path, _budget(events=1))
    with pytest.raises(DamagedError, match="fewer events than it says"):
        store.change(_rows(1, 1), (), 1, _NOW)
    store.close()


def test_text_that_has_changed(path: Path) -> None:
    """A card that turns a bit is found out, though SQLite sees a sound file."""
    store = Store(path, _budget())
    store.change(_rows(1, 3), (), 3, _NOW)
    store.close()
    content = path.read_bytes()
    assert content.count(b'"happy"') == 6
    path.write_bytes(content.replace(b'"happy"', b'"happx"', 1))
    with pytest.raises(DamagedError, match=r"event [123] is not what was stored"):
        _positions(path)


def test_folder_in_its_place(path: Path) -> None:
    """It is not the file that is at fault, and nothing is set aside."""
    path.mkdir()
    with pytest.raises(DiskError, match="unable to open database file"):
        Store(path, _budget())


def test_held_by_another(path: Path) -> None:
    """One who looks into the file and holds it is waited for, then told of."""
    store = Store(path, _budget())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DiskError, match="database is locked"):
        store.change(_rows(1, 1), (), 1, _NOW)
    other.close()
    store.change(_rows(1, 1), (), 1, _NOW)
    store.close()
