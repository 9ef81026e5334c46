"""The folder of installed models: names, links, records, and what is in the way."""

import fcntl
import logging
import os
from pathlib import Path

import pytest

from fer_contract.errors import FerError, RefusedError
from fer_edge.models.probation import Activated, Lasted, Record, Run, Stage
from fer_edge.models.store import Store

A, B, C, D = (f"{letter}-0000000{letter}" for letter in "abcd")
_RUN = Run("boot", 1, 1)


@pytest.fixture
def four(store: Store) -> Store:
    """A store with four models, as far as it knows them, A the oldest."""
    for age, name in enumerate((A, B, C, D)):
        store.path(name).mkdir(parents=True)
        (store.path(name) / "manifest.json").write_text('{"digest": ""}')
        os.utime(store.path(name), (age, age))
    return store


def _trust(store: Store, name: str) -> None:
    store.happened(name, Lasted(_RUN))


def test_a_store_that_is_not_there(store: Store) -> None:
    """It is empty, and looking into it does not make it."""
    assert (store.names(), store.active, store.previous) == ([], None, None)
    assert store.record(A) == Record()
    assert not store.can_roll_back()
    assert not store.folder.exists()


def test_activation(four: Store) -> None:
    """The one before is remembered; the released one is no link at all."""
    four.activate(A)
    assert (four.active, four.previous) == (A, None)
    assert four.record(A).stage is Stage.PROBATION
    _trust(four, A)
    four.activate(B)
    assert (four.active, four.previous) == (B, A)
    _trust(four, B)
    four.activate(None)
    assert (four.active, four.previous) == (None, B)


def test_activation_of_the_active(four: Store) -> None:
    """Nothing changes, but that a failed one is tried again."""
    four.activate(A)
    _trust(four, A)
    four.activate(B)
    four.activate(B)
    assert (four.active, four.previous) == (B, A)


def test_activation_while_another_is_on_probation(four: Store) -> None:
    """The last one that was trusted stays the one to return to."""
    four.activate(A)
    _trust(four, A)
    four.activate(B)
    four.activate(C)
    assert (four.active, four.previous) == (C, A)


def test_back_and_forth(four: Store) -> None:
    """Two models change places, as often as wanted."""
    four.activate(A)
    for _ in range(2):
        four.activate(four.previous)
        assert (four.active, four.previous) == (None, A)
        four.activate(four.previous)
        assert (four.active, four.previous) == (A, None)


def test_pruning(four: Store) -> None:
    """The oldest go; active, previous and the one just installed stay."""
    four.activate(A)
    _trust(four, A)
    four.activate(B)
    assert four.prune(3, but=D) == [C]
    assert sorted(four.names()) == [A, B, D]
    assert four.prune(1, but=D) == []


def test_pruning_when_nothing_is_active(four: Store) -> None:
    """The newest stay."""
    assert four.prune(2, but=D) == [B, A]
    assert four.names() == [D, C]


def test_removal(four: Store) -> None:
    """A model is gone with its record; active and previous are not to be removed."""
    four.activate(A)
    _trust(four, A)
    four.activate(B)
    for name, which in ((B, "active"), (A, "previous")):
        with pytest.raises(RefusedError) as caught:
            four.remove(name)
        assert str(caught.value) == f"{name}: the {which} model is not removed"
    four.happened(C, Activated())
    four.remove(C)
    four.happened(D, Activated())
    assert C not in four.records()
    assert {path.name for path in four.folder.iterdir()} == {
        "active", "previous", "records.json", A, B, D,
    }  # fmt: skip


@pytest.mark.parametrize(
    "target", ["../outside", "nothing-00000000", ".", "/", "", A + "/.."]
)
def test_a_link_that_leads_elsewhere(four: Store, target: str) -> None:
    """Only a model of the store can be active."""
    outside = four.folder.parent / "outside"
    outside.mkdir()
    (outside / "manifest.json").touch()
    if target:
        (four.folder / "active").symlink_to(target)
    else:
        (four.folder / "active").write_text(A)
    assert four.active is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff", b'{"schema": 1}', b'{"schema": 2}',
        b'{"schema": 1, "models": {"a": {}}}', b'{"schema": 1, "models": []}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_damaged_records(
    four: Store, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A model without a record is on probation again, and the store can be changed."""
    four.activate(A)
    _trust(four, A)
    path = four.folder / "records.json"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert four.record(A) == Record()
    assert four.active == A
    four.activate(B)
    assert four.record(B).stage is Stage.PROBATION


def test_a_lock_that_is_held(four: Store) -> None:
    """It is waited for no longer than said; then it is named."""
    path = four.folder / ".lock"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FerError) as caught, four.lock(0.1):
            raise AssertionError("two hold it")
    assert str(caught.value) == f"{path}: held by another command for 0.1 s"
    with four.lock(0.0):
        pass


def test_leftovers(four: Store) -> None:
    """What a killed process left is cleared away, what a living one holds is not."""
    left = four.folder / ".incoming-left"
    (left / "bundle").mkdir(parents=True)
    (left / "bundle" / "model").touch()
    with four.workspace() as one, four.workspace() as other:
        assert not left.exists()
        assert one != other
        assert one.is_dir()
    assert list(four.folder.glob(".incoming*")) == []


def test_what_was_prepared_in_the_way(four: Store) -> None:
    """An unfinished file of a killed process, or a trap, is replaced, not followed."""
    outside = four.folder.parent / "outside"
    outside.write_text("mine")
    for name in (".records.json.part", ".active.part"):
        (four.folder / name).symlink_to(outside)
    four.activate(A)
    assert outside.read_text() == "mine"
    assert four.active == A
    assert four.record(A).stage is Stage.PROBATION
    assert not list(four.folder.glob(".*.part"))


def test_activation_of_what_is_gone(four: Store) -> None:
    """A model that another command has just removed is not made active."""
    four.remove(A)
    with pytest.raises(FerError, match=f"^{A}: not installed any more$"):
        four.activate(A)
    assert four.active is None


def test_names(four: Store, tmp_path: Path) -> None:
    """The newest comes first; what is no model is none."""
    (four.folder / "notes").mkdir()
    (four.folder / "e-0000000e").mkdir()
    assert four.names() == [D, C, B, A]
    assert Store(tmp_path / "nowhere").names() == []
