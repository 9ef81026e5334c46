"""Programs that are killed and disks that lose their power, while events are stored."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import pytest

from debian_kernel import Kernel
from edgetpu_stage import eventually
from fer_edge.outbox.durable import DurableOutbox
from loop_disk import LoopDisk
from outbox_writer import event, is_confirmed
from virtual_machine import DISK, VirtualMachine, missing

from .conftest import Open

_PROGRAM = "tests/outbox_writer.py"

_MOST_TOLD = 400
"""Events that are told at most before the end comes."""


def _python_path(repository: Path) -> str:
    folders = ("edge", "contract", "tests")
    return os.pathsep.join(str(repository / folder) for folder in folders)


@contextmanager
def _writer(repository: Path, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a program that stores events and prints those that are stored."""
    with subprocess.Popen(
        [sys.executable, repository / _PROGRAM, path],
        env=os.environ | {"PYTHONPATH": _python_path(repository)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _read(told: IO[str] | None, count: int | None = None) -> list[int]:
    """Read so many numbers, or all there are."""
    assert told is not None
    return _numbers(islice(told, count))


def _numbers(lines: Iterable[str]) -> list[int]:
    """Return what was told; a line that the end has cut off was not."""
    return [int(line) for line in lines if line.endswith("\n")]


def _has_lines(path: Path, count: int) -> bool:
    return path.read_text().count("\n") >= count


class Ledger:
    """What was told to be stored, over all runs."""

    def __init__(self) -> None:
        self._told: list[int] = []

    def add(self, told: list[int]) -> None:
        """Take what a run has told."""
        self._told += told

    def check(self, outbox: DurableOutbox) -> None:
        """Find everything that was told, in order, none twice, each as it was put."""
        found = [json.loads(one.text) for one in outbox.waiting(0, sys.maxsize)]
        seqs = [one["seq"] for one in found]
        assert seqs == sorted(set(seqs))
        assert {seq for seq in self._told if not is_confirmed(seq)} <= set(seqs)
        assert self._told == sorted(set(self._told))
        assert outbox.last_seq >= max(self._told)
        for one in found:
            assert json.dumps(one, separators=(",", ":")) == event(one["seq"]).to_json()


def test_killed_at_any_moment(repository: Path, path: Path, open_durable: Open) -> None:
    """``kill -9``, 20 times: everything that was told to be stored is there."""
    chance = random.Random(7)
    ledger = Ledger()
    for _ in range(20):
        with _writer(repository, path) as child:
            told = _read(child.stdout, chance.randint(1, _MOST_TOLD))
            child.kill()
            ledger.add(told + _read(child.stdout))
        outbox = open_durable()
        assert outbox.state.durable
        ledger.check(outbox)
        outbox.close()
    assert list(path.parent.glob("*.corrupt-*")) == []


def test_power_cut_at_any_moment(
    repository: Path, loop_disk: LoopDisk, open_durable: Open
) -> None:
    """The power of the disk is cut 20 times: the same.

    A real ext4 is told to forget all that was not synced. Mounted again, it recovers by
    its journal.
    """
    chance = random.Random(8)
    path = loop_disk.folder / "outbox.sqlite"
    ledger = Ledger()
    for _ in range(20):
        with _writer(repository, path) as child:
            ledger.add(_read(child.stdout, chance.randint(1, _MOST_TOLD)))
            loop_disk.cut()
        loop_disk.unmount()
        loop_disk.mount()
        outbox = open_durable(path)
        assert outbox.state.durable
        ledger.check(outbox)
        outbox.close()
    assert list(path.parent.glob("*.corrupt-*")) == []


def test_power_cut_of_what_is_not_synced(loop_disk: LoopDisk) -> None:
    """The disk really forgets: else the test above would show nothing."""
    synced, other = loop_disk.folder / "synced", loop_disk.folder / "other"
    for file in (synced, other):
        file.write_text("")
    os.sync()
    with synced.open("w") as stream:
        stream.write("kept")
        stream.flush()
        os.fsync(stream.fileno())
    other.write_text("lost")
    loop_disk.cut()
    with pytest.raises(OSError, match="Input/output error"):
        other.write_text("lost")
    loop_disk.unmount()
    loop_disk.mount()
    assert (synced.read_text(), other.read_text()) == ("kept", "")


def test_machine_that_loses_its_power(
    made_once: Callable[[str, Callable[[Path], None]], Path],
    repository: Path,
    tmp_path: Path,
    loop_disk: LoopDisk,
    open_durable: Open,
) -> None:
    """A whole virtual machine ends in the midst of it, 3 times: the same."""
    if lack := missing():
        pytest.skip(lack)
    kernel = Kernel(made_once("kernel", lambda folder: Kernel(folder).fetch()))
    machine = VirtualMachine(kernel, tmp_path, disk=loop_disk.image)
    chance = random.Random(9)
    ledger = Ledger()
    for _ in range(3):
        loop_disk.unmount()
        wanted = chance.randint(50, _MOST_TOLD)
        with machine:
            machine.start(
                [sys.executable, repository / _PROGRAM, DISK / "outbox.sqlite"],
                {"PYTHONPATH": _python_path(repository)},
            )
            eventually(partial(_has_lines, machine.output, wanted))
        ledger.add(_numbers(machine.output.read_text().splitlines(keepends=True)))
        loop_disk.mount()
        outbox = open_durable(loop_disk.folder / "outbox.sqlite")
        assert outbox.state.durable
        ledger.check(outbox)
        outbox.close()
    assert list(loop_disk.folder.glob("*.corrupt-*")) == []
