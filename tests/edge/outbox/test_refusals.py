"""Disks that refuse, and files that are spoilt: events go on, and it is said once."""

import logging
import re
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetpu_stage import eventually
from fer_edge.moment import Moment, read_clocks
from fer_edge.outbox import OutboxSettings, OutboxState
from fer_edge.outbox.durable import DurableOutbox
from loop_disk import LoopDisk
from outbox_writer import event, seqs

from .conftest import Open


@pytest.fixture(autouse=True)
def all_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every line of the log is kept."""
    with caplog.at_level(logging.DEBUG, logger="fer_edge"):
        yield


def _put(outbox: DurableOutbox, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        outbox.put(event(seq))


def _fill(folder: Path) -> Path:
    """Leave no byte on a file system."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as filler:
        for size in (4096, 1):
            while True:
                try:
                    filler.write(bytes(size))
                except OSError:
                    break
    return path


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_full_disk(
    full_disk: Path, open_durable: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Events wait in memory behind those on the disk, and go there when it has room."""
    path = full_disk / "outbox.sqlite"
    outbox = open_durable(path)
    _put(outbox, 1, 20)
    eventually(lambda: len(seqs(outbox)) == 20)
    filler = _fill(full_disk)
    _put(outbox, 21, 120)
    eventually(lambda: not outbox.state.durable)
    assert seqs(outbox) == list(range(1, 121))
    assert outbox.state == OutboxState(120, 0, False, "database or disk is full")
    # Served, confirmed and put as ever.
    outbox.confirm([stored.position for stored in outbox.waiting(0, 30)])
    assert outbox.state.waiting == 90
    called: list[list[int]] = []
    outbox.on_stored(lambda: called.append(seqs(outbox)))
    outbox.put(event(121))
    eventually(lambda: list(range(31, 122)) in called)
    filler.unlink()
    eventually(lambda: outbox.state.durable)
    eventually(lambda: seqs(outbox) == list(range(31, 122)))
    assert outbox.state == OutboxState(91, 0, durable=True)
    outbox.close()
    full, again = _told(caplog)
    assert full == (
        f"outbox: {path}: database or disk is full; "
        "events are kept in memory until that changes"
    )
    assert re.fullmatch(rf"outbox: {path}: takes events again, \d+ from memory", again)
    assert seqs(open_durable(path)) == list(range(31, 122))


def test_disk_that_it_has_filled_itself(full_disk: Path, open_durable: Open) -> None:
    """What has arrived makes room, without help from outside."""
    outbox = open_durable(full_disk / "outbox.sqlite")
    _put(outbox, 1, 1000)
    eventually(lambda: not outbox.state.durable)
    outbox.confirm([stored.position for stored in outbox.waiting(0, 950)])
    eventually(lambda: outbox.state.durable)
    eventually(lambda: seqs(outbox) == list(range(951, 1001)))


def test_bounds_in_memory(full_disk: Path, open_durable: Open) -> None:
    """While the disk is full, the oldest go from memory; those on the disk stay."""
    path = full_disk / "outbox.sqlite"
    outbox = open_durable(path, OutboxSettings(max_events=100))
    _put(outbox, 1, 10)
    eventually(lambda: len(seqs(outbox)) == 10)
    filler = _fill(full_disk)
    _put(outbox, 11, 110)
    eventually(lambda: not outbox.state.durable)
    _put(outbox, 111, 150)
    eventually(lambda: outbox.state.dropped == 40)
    assert seqs(outbox) == [*range(1, 11), *range(51, 151)]
    filler.unlink()
    eventually(lambda: outbox.state.durable)
    eventually(lambda: seqs(outbox) == list(range(51, 151)))
    eventually(lambda: outbox.state.dropped == 50)


def test_ended_on_a_full_disk(
    full_disk: Path, open_durable: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """What is lost is said."""
    path = full_disk / "outbox.sqlite"
    outbox = open_durable(path)
    _put(outbox, 1, 1)
    eventually(lambda: seqs(outbox) == [1])
    _fill(full_disk)
    _put(outbox, 2, 101)
    outbox.close()
    assert _told(caplog)[-1] == (
        f"outbox: {path}: database or disk is full; 100 events are lost"
    )


def test_read_only(full_disk: Path, open_durable: Open) -> None:
    """A file system that has become read-only, as ext4 does after an error."""
    path = full_disk / "a" / "outbox.sqlite"
    outbox = open_durable(path)
    _put(outbox, 1, 3)
    outbox.close()
    _remount(full_disk, "ro")
    again = open_durable(path)
    assert not again.state.durable
    _put(again, 1, 2)
    assert seqs(again) == [1, 2]
    _remount(full_disk, "rw")
    eventually(lambda: again.state.durable)
    eventually(lambda: len(seqs(again)) == 5)


def test_disk_that_comes_late(
    tmp_path: Path, open_durable: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Events of an earlier run are found, and come behind those already handed out.

    What is under way is not sent twice, and no position means two events.
    """
    folder = tmp_path / "later"
    folder.mkdir()
    path = folder / "outbox.sqlite"
    outbox = open_durable(path)
    _put(outbox, 1, 50)
    outbox.close()
    folder.rename(tmp_path / "away")
    folder.write_text("not mounted")
    again = open_durable(path)
    assert (again.last_seq, again.state.reason) == (0, "Not a directory")
    _put(again, 1001, 1010)
    handed_out = again.waiting(0, 5)
    assert seqs(again) == list(range(1001, 1011))
    folder.unlink()
    (tmp_path / "away").rename(folder)
    eventually(lambda: again.state.durable)
    eventually(lambda: len(seqs(again)) == 60)
    again.confirm([stored.position for stored in handed_out])
    behind = seqs(again, after=handed_out[-1].position)
    assert behind == [*range(1006, 1011), *range(1, 51)]
    _put(again, 1011, 1011)
    eventually(lambda: len(seqs(again)) == 56)
    again.close()
    once_more = open_durable(path)
    assert once_more.last_seq == 1011
    assert seqs(once_more) == [*range(1006, 1011), *range(1, 51), 1011]
    assert len(_told(caplog)) == 2


def test_disk_that_comes_late_and_empty(tmp_path: Path, open_durable: Open) -> None:
    """A new file takes what memory has."""
    folder = tmp_path / "later"
    folder.write_text("not mounted")
    outbox = open_durable(folder / "outbox.sqlite")
    _put(outbox, 1, 3)
    folder.unlink()
    eventually(lambda: outbox.state.durable)
    outbox.close()
    assert seqs(open_durable(folder / "outbox.sqlite")) == [1, 2, 3]


def test_disk_that_fails(
    loop_disk: LoopDisk, open_durable: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither to be written nor read: events wait in memory, and the writer waits, too.

    What it had is found later.
    """
    path = loop_disk.folder / "outbox.sqlite"
    outbox = open_durable(path)
    # More than SQLite keeps in memory.
    _put(outbox, 1, 5000)
    eventually(lambda: len(seqs(outbox)) == 5000)
    loop_disk.cut()
    _put(outbox, 5001, 5010)
    eventually(lambda: outbox.state.reason)
    assert outbox.state.reason in ("disk I/O error", "Input/output error")
    assert seqs(outbox) == list(range(5001, 5011))
    begun = time.process_time()
    time.sleep(0.8)
    # It would be all of it.
    assert time.process_time() - begun < 0.2
    outbox.close()
    assert [line.partition("; ")[2] for line in _told(caplog)] == [
        "events are kept in memory until that changes",
        "10 events are lost",
    ]
    loop_disk.unmount()
    loop_disk.mount()
    assert seqs(open_durable(path)) == list(range(1, 5001))


def test_disk_that_hangs(loop_disk: LoopDisk, open_durable: Open) -> None:
    """Nobody waits for it who puts events; they are stored when it goes on."""
    ahead = 0.0

    def clocks() -> Moment:
        now = read_clocks()
        return Moment(now.seconds + ahead, now.at)

    outbox = open_durable(loop_disk.folder / "outbox.sqlite", clocks=clocks)
    with loop_disk.frozen():
        _put(outbox, 1, 1000)
        assert outbox.state == OutboxState(1000, 0, durable=True)

        def hangs() -> str:
            nonlocal ahead
            ahead += 31.0
            return outbox.state.reason

        eventually(hangs)
        _put(outbox, 1001, 1001)
        assert outbox.state == OutboxState(1001, 0, False, "the disk does not answer")
    eventually(lambda: len(seqs(outbox)) == 1001)
    assert seqs(outbox) == list(range(1, 1002))
    eventually(lambda: outbox.state == OutboxState(1001, 0, durable=True))


@contextmanager
def _files_may_not_grow(folder: Path) -> Iterator[None]:
    """Limit the size of this process's files to that of the largest one there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(found.stat().st_size for found in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_file_that_may_not_grow(open_durable: Open, path: Path) -> None:
    """A limit on the size of files is a refusal as others are."""
    outbox = open_durable()
    _put(outbox, 1, 3)
    eventually(lambda: len(seqs(outbox)) == 3)
    with _files_may_not_grow(path.parent):
        _put(outbox, 4, 500)
        eventually(lambda: not outbox.state.durable)
        assert seqs(outbox) == list(range(1, 501))
    eventually(lambda: outbox.state.durable)
    eventually(lambda: seqs(outbox) == list(range(1, 501)))


def test_spoilt_while_it_is_refused(open_durable: Open, path: Path) -> None:
    """When the writer tries again, a new file takes what memory has."""
    outbox = open_durable()
    _put(outbox, 1, 1000)
    outbox.close()
    again = open_durable()
    with _files_may_not_grow(path.parent):
        _put(again, 1001, 3000)
        eventually(lambda: not again.state.durable)
        for spoilt in (path, path.with_name(f"{path.name}-wal")):
            with spoilt.open("r+b") as file:
                file.seek(6 * 4096)
                file.write(b"\xa5" * (spoilt.stat().st_size - 6 * 4096))
        # What was stored before is gone with the file.
        eventually(lambda: seqs(again)[:1] > [1000])
        kept = seqs(again)
    eventually(lambda: again.state.durable)
    eventually(lambda: seqs(again) == kept)
    assert kept == list(range(kept[0], 3001))
    assert again.state == OutboxState(len(kept), kept[0] - 1, durable=True)


def test_garbage_at_the_start(
    open_durable: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is set aside under a name that is told, and a new file takes the events."""
    path.write_bytes(b"garbage" * 1000)
    outbox = open_durable()
    assert outbox.state == OutboxState(0, 0, durable=True)
    (line,) = _told(caplog)
    (aside,) = path.parent.glob("outbox.sqlite.corrupt-*")
    assert re.fullmatch(r"outbox\.sqlite\.corrupt-\d{8}T\d{6}Z", aside.name)
    assert line == (
        f"outbox: {path}: file is not a database; "
        f"set aside as {aside}, and a new file begun"
    )
    assert aside.read_bytes() == b"garbage" * 1000
    _put(outbox, 1, 2)
    outbox.close()
    assert seqs(open_durable()) == [1, 2]


def test_file_of_a_later_version(
    open_durable: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not understood, so it is kept as it is, its log included."""
    open_durable().close()
    later = sqlite3.connect(path)
    later.executescript("PRAGMA user_version = 9; PRAGMA wal_autocheckpoint = 0")
    later.execute("INSERT INTO event VALUES (1, 2.0, 3, 'four')")
    later.commit()
    copy = path.with_name("copy")
    for end in ("", "-wal"):
        content = path.with_name(path.name + end).read_bytes()
        copy.with_name(copy.name + end).write_bytes(content)
    later.close()
    copy.rename(path)
    copy.with_name("copy-wal").rename(path.with_name(f"{path.name}-wal"))
    outbox = open_durable()
    assert outbox.state.durable
    assert "version 9, which is later than 1; set aside as " in caplog.text
    (aside,) = (
        found
        for found in path.parent.glob("*.corrupt-*")
        if not found.name.endswith(("-wal", "-shm"))
    )
    kept = sqlite3.connect(aside)
    assert kept.execute("SELECT text FROM event").fetchone() == ("four",)
    kept.close()


def _overwrite(path: Path) -> None:
    """Spoil all but the first pages, on which little more than the tally is."""
    kept = 6 * 4096
    with path.open("r+b") as file:
        file.seek(kept)
        file.write(b"\xa5" * (path.stat().st_size - kept))


def _turn_a_letter(path: Path) -> None:
    """Spoil texts, in a way that SQLite cannot see.

    All: the first may be what a page was before it was split, which not every build of
    SQLite wipes out.
    """
    path.write_bytes(path.read_bytes().replace(b'"happy"', b'"happx"'))


@pytest.mark.parametrize("spoil", [_overwrite, _turn_a_letter])
def test_spoilt_while_it_was_off(
    spoil: Callable[[Path], None],
    open_durable: Open,
    path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Found when the events are wanted; they count as dropped, later ones are safe."""
    outbox = open_durable()
    _put(outbox, 1, 100)
    outbox.close()
    spoil(path)
    again = open_durable()
    assert again.last_seq == 100
    again.waiting(0, 1000)
    eventually(lambda: again.state == OutboxState(0, 100, durable=True))
    _put(again, 101, 102)
    eventually(lambda: seqs(again) == [101, 102])
    again.close()
    assert len(_told(caplog)) == 1
    once_more = open_durable()
    assert (seqs(once_more), once_more.last_seq) == ([101, 102], 102)


def test_spoilt_while_it_runs(open_durable: Open, path: Path) -> None:
    """Found by whoever comes first, reader or writer; nothing ends for it."""
    outbox = open_durable()
    _put(outbox, 1, 2000)
    eventually(lambda: len(seqs(outbox)) == 2000)
    outbox.close()
    again = open_durable()
    eventually(lambda: len(again.waiting(0, 10)) == 10)
    _overwrite(path)
    again.confirm(range(1, 200))
    _put(again, 2001, 2002)
    eventually(lambda: seqs(again) == [2001, 2002])
    assert len(list(path.parent.glob("*.corrupt-*Z"))) == 1


def test_spoilt_again_and_again(open_durable: Open, path: Path) -> None:
    """Two of those that were set aside are kept, and do not fill the disk."""
    for day in range(1, 5):
        for end in ("", "-wal", "-shm"):
            name = f"{path.name}.corrupt-2024010{day}T000000Z{end}"
            path.with_name(name).write_text("old")
    path.write_bytes(b"garbage" * 1000)
    open_durable().close()
    kept = sorted(found.name for found in path.parent.glob("*.corrupt-*"))
    assert [name for name in kept if "2024" in name] == [
        f"{path.name}.corrupt-20240104T000000Z{end}" for end in ("", "-shm", "-wal")
    ]
    assert len(kept) == 4
