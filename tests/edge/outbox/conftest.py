"""What the tests of the outbox share."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from fer_edge.moment import Moment, read_clocks
from fer_edge.outbox import OutboxSettings
from fer_edge.outbox.durable import DurableOutbox
from loop_disk import LoopDisk

_DEFAULT = OutboxSettings()


class Open(Protocol):
    """Opens an outbox that is closed when the test ends."""

    def __call__(
        self,
        other: Path | None = None,
        settings: OutboxSettings = ...,
        clocks: Callable[[], Moment] = ...,
    ) -> DurableOutbox: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an outbox may be."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def loop_disk(tmp_path: Path) -> Iterator[LoopDisk]:
    """A disk of which the power can be cut."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root: sudo make test")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is missing: apt-get install e2fsprogs")
    folder = tmp_path / "loop"
    folder.mkdir()
    disk = LoopDisk(folder)
    try:
        disk.mount()
    except OSError as refusal:
        pytest.skip(f"loop devices cannot be mounted here: {refusal}")
    yield disk
    if disk.mounted:
        disk.unmount()


@pytest.fixture
def open_durable(path: Path) -> Iterator[Open]:
    """Open outboxes, at ``path`` where no other is given."""
    opened: list[DurableOutbox] = []

    def open_one(
        other: Path | None = None,
        settings: OutboxSettings = _DEFAULT,
        clocks: Callable[[], Moment] = read_clocks,
    ) -> DurableOutbox:
        outbox = DurableOutbox(other or path, settings, clocks)
        opened.append(outbox)
        return outbox

    yield open_one
    for outbox in opened:
        outbox.close()
