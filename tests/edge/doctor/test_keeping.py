"""The outbox as others have left it, and its disk."""

from contextlib import closing
from pathlib import Path

import pytest

from broker import await_that
from doctor_stage import MakeCase, given
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.keeping import DISK, OUTBOX
from fer_edge.doctor.unit import Rights, Unit
from fer_edge.outbox import OutboxSettings
from fer_edge.outbox.opening import open_outbox
from mqtt_stage import event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox is to be."""
    return tmp_path / "outbox.sqlite"


def _text(path: Path) -> str:
    return f'[mqtt]\nhost = "localhost"\n[outbox]\npath = "{path}"\n'


def test_events_that_wait(make_case: MakeCase, path: Path) -> None:
    """They are counted beside a daemon that runs, and after it; the file stays."""
    case = make_case(_text(path))
    assert OUTBOX.look(case).says == f"{path}: begun with the first event"
    with closing(open_outbox(OutboxSettings(path=str(path)))) as outbox:
        for seq in range(1, 8):
            outbox.put(event(seq))
        await_that(lambda: len(outbox.waiting(0, 10)) == 7)
        found = OUTBOX.look(case)
        assert (found.verdict, found.says) == ("ok", f"{path}: 7 events wait")
    content = path.read_bytes()
    assert OUTBOX.look(case).says == f"{path}: 7 events wait"
    assert path.read_bytes() == content


def test_damaged_file(make_case: MakeCase, path: Path) -> None:
    """The daemon helps itself; that is worth a note."""
    path.write_bytes(b"no database, by no means" * 100)
    found = OUTBOX.look(make_case(_text(path)))
    assert found.verdict is Verdict.NOTE
    assert "damaged" in found.says


def test_no_folder(make_case: MakeCase, tmp_path: Path) -> None:
    """The daemon makes it."""
    folder = tmp_path / "missing"
    found = OUTBOX.look(make_case(_text(folder / "outbox.sqlite")))
    assert found.verdict is Verdict.NOTE
    assert str(folder) in found.mend


def test_nothing_to_keep(make_case: MakeCase) -> None:
    """Without a broker, or in memory, there is no file to look at."""
    assert OUTBOX.look(make_case()).verdict is Verdict.SKIPPED
    text = '[mqtt]\nhost = "localhost"\n[outbox]\ndurable = false\n'
    assert OUTBOX.look(make_case(text)).verdict is Verdict.OK


def test_room(make_case: MakeCase, path: Path) -> None:
    """What is free is told, also for a folder that is not there yet."""
    found = DISK.look(make_case(_text(path.parent / "a" / "b" / path.name)))
    assert found.verdict in (Verdict.OK, Verdict.NOTE)
    assert found.says.split(" GB free for ")[1].startswith(str(path.parent))


def test_no_disk(make_case: MakeCase) -> None:
    """A file system without any room is full."""
    found = DISK.look(make_case(_text(Path("/proc/outbox.sqlite"))))
    assert found.verdict is Verdict.WRONG
    assert found.mend


def test_closed_folder(make_case: MakeCase, open_folder: Path, nobody: Rights) -> None:
    """The folder that may not be entered is named; its disk is seen to."""
    closed = open_folder / "closed"
    (closed / "kept").mkdir(parents=True)
    closed.chmod(0o700)
    case = make_case(_text(closed / "kept" / "outbox.sqlite"))
    found = look_apart(OUTBOX, case, nobody)
    assert found.verdict is Verdict.WRONG
    assert found.says.startswith(f"{closed}: may not be entered")
    assert f" GB free for {closed}" in look_apart(DISK, case, nobody).says


def test_outside_the_sandbox(running: Unit, make_case: MakeCase) -> None:
    """Rights do not help where the unit closes the file system."""
    unit = given(running, ProtectSystem="strict", StateDirectory="fer-edge")
    found = OUTBOX.look(make_case(_text(Path("/srv/outbox.sqlite")), unit))
    assert found.verdict is Verdict.WRONG
    assert found.mend.endswith("ReadWritePaths=/srv")


def test_state_folder_before_the_start(running: Unit, make_case: MakeCase) -> None:
    """Systemd makes it, and hands it to whoever the service runs as."""
    name = "fer-edge-of-no-machine"
    text = _text(Path("/var/lib", name, "outbox.sqlite"))
    unit = given(running, StateDirectory=name, ActiveState="inactive", MainPID="0")
    assert OUTBOX.look(make_case(text, unit)).verdict is Verdict.OK
    unit = given(running, StateDirectory=name)
    assert OUTBOX.look(make_case(text, unit)).verdict is Verdict.NOTE
