"""The outbox on the disk, where the disk does well."""

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgetpu_stage import eventually
from fer_edge.errors import ConfigurationError
from fer_edge.moment import Moment, read_clocks
from fer_edge.outbox import OutboxSettings, OutboxState
from fer_edge.outbox.durable import DurableOutbox
from fer_edge.outbox.memory import MemoryOutbox
from fer_edge.outbox.opening import open_outbox
from outbox_writer import event, seqs

from .conftest import Open

_DAY = 86_400.0


class Clocks:
    """Both clocks, of which the wall's may be set."""

    def __init__(self, wall: datetime) -> None:
        self._begun = time.monotonic()
        self.wall = wall
        self.later = 0.0
        """Seconds by which the steady clock is ahead."""

    def __call__(self) -> Moment:
        return Moment(time.monotonic() + self.later, self.wall)


def test_what_is_put_waits_in_order(open_durable: Open) -> None:
    """Every event, once, from the oldest; behind a position; and no more than asked."""
    outbox = open_durable()
    before = time.monotonic()
    for seq in range(1, 301):
        outbox.put(event(seq))
    eventually(lambda: len(outbox.waiting(0, 1000)) == 300)
    waiting = outbox.waiting(0, 1000)
    assert [stored.text for stored in waiting] == [
        event(seq).to_json() for seq in range(1, 301)
    ]
    positions = [stored.position for stored in waiting]
    assert positions == sorted(set(positions))
    assert all(before <= one.since <= time.monotonic() for one in waiting)
    assert outbox.waiting(0, 7) == waiting[:7]
    assert outbox.waiting(positions[99], 50) == waiting[100:150]
    assert outbox.waiting(positions[-1], 50) == []
    assert outbox.state == OutboxState(300, 0, durable=True)


def test_confirmed(open_durable: Open) -> None:
    """Not served again from that moment, nor after the next start."""
    outbox = open_durable()
    for seq in range(1, 21):
        outbox.put(event(seq))
    eventually(lambda: len(seqs(outbox)) == 20)
    waiting = outbox.waiting(0, 20)
    outbox.confirm([stored.position for stored in waiting[3:15]])
    assert seqs(outbox) == [1, 2, 3, 16, 17, 18, 19, 20]
    assert seqs(outbox, limit=4) == [1, 2, 3, 16]
    assert outbox.state.waiting == 8
    outbox.close()
    again = open_durable()
    assert seqs(again) == [1, 2, 3, 16, 17, 18, 19, 20]
    assert {stored.since for stored in again.waiting(0, 20)} == {-math.inf}
    assert again.state == OutboxState(8, 0, durable=True)


def test_last_seq(open_durable: Open) -> None:
    """It is remembered after all events have arrived, and never an older one."""
    outbox = open_durable()
    assert outbox.last_seq == 0
    for seq in (5, 6, 7):
        outbox.put(event(seq))
    eventually(lambda: len(seqs(outbox)) == 3)
    outbox.confirm([stored.position for stored in outbox.waiting(0, 3)])
    assert outbox.last_seq == 0
    outbox.close()
    again = open_durable()
    assert (again.last_seq, seqs(again)) == (7, [])
    again.close()
    assert open_durable().last_seq == 7


def test_closed_at_once(open_durable: Open) -> None:
    """What was put a moment ago is stored."""
    outbox = open_durable()
    for seq in range(1, 2001):
        outbox.put(event(seq))
    outbox.close()
    assert seqs(outbox) == []
    assert seqs(open_durable()) == list(range(1, 2001))


def test_told_when_stored(open_durable: Open) -> None:
    """Whoever wants to know is called once there is something to be had."""
    outbox = open_durable()
    called = threading.Event()
    outbox.on_stored(lambda: None)
    outbox.on_stored(called.set)
    outbox.put(event(1))
    assert called.wait(60.0)
    assert seqs(outbox) == [1]


def test_positions_of_the_next_run(open_durable: Open) -> None:
    """They go on, so that none means another event than before."""
    outbox = open_durable()
    for seq in (1, 2):
        outbox.put(event(seq))
    eventually(lambda: len(seqs(outbox)) == 2)
    first, second = (stored.position for stored in outbox.waiting(0, 2))
    outbox.confirm((first, second))
    outbox.close()
    again = open_durable()
    again.put(event(3))
    eventually(lambda: seqs(again) == [3])
    assert again.waiting(0, 1)[0].position > second


def test_second_daemon(open_durable: Open, path: Path) -> None:
    """It is refused, until the first one has ended."""
    outbox = open_durable()
    with pytest.raises(ConfigurationError) as caught:
        open_durable()
    assert str(caught.value) == (
        f"outbox.path: {path}; another fer-edge keeps its events there"
    )
    outbox.put(event(1))
    outbox.close()
    assert seqs(open_durable()) == [1]


def test_too_old_while_nothing_comes(open_durable: Open) -> None:
    """Events that are too old go before anything is stored behind them."""
    wall = datetime(2026, 3, 1, tzinfo=UTC)
    clocks = Clocks(wall)
    outbox = open_durable(clocks=clocks)
    outbox.put(event(1))
    outbox.close()
    clocks.wall += timedelta(days=8)
    again = open_durable(clocks=clocks)
    eventually(lambda: again.state.dropped == 1)
    assert again.state == OutboxState(0, 1, durable=True)
    assert seqs(again) == []


def test_wall_clock_that_is_set(open_durable: Open) -> None:
    """By 56 years, as on a Pi that finds its network: nothing is older for that."""
    clocks = Clocks(datetime(1970, 1, 1, tzinfo=UTC))
    outbox = open_durable(clocks=clocks)
    outbox.put(event(1))
    eventually(lambda: seqs(outbox) == [1])
    clocks.wall = datetime(2026, 3, 1, tzinfo=UTC)
    outbox.put(event(2))
    outbox.close()
    clocks.wall = datetime(1970, 1, 1, tzinfo=UTC)
    again = open_durable(clocks=clocks)
    again.put(event(3))
    again.close()
    clocks.wall = datetime(2026, 3, 3, tzinfo=UTC)
    once_more = open_durable(clocks=clocks)
    once_more.put(event(4))
    eventually(lambda: len(seqs(once_more)) == 4)
    assert once_more.state == OutboxState(4, 0, durable=True)


@pytest.mark.parametrize("durable", [True, False], ids=["disk", "memory"])
def test_age_of_this_run(durable: bool, path: Path) -> None:
    """It goes by the steady clock."""
    clocks = Clocks(datetime(1970, 1, 1, tzinfo=UTC))
    settings = OutboxSettings(max_age_hours=1.0)
    outbox = (
        DurableOutbox(path, settings, clocks)
        if durable
        else MemoryOutbox(settings, clocks)
    )
    outbox.put(event(1))
    eventually(lambda: seqs(outbox) == [1])
    clocks.later = 1800.0
    outbox.put(event(2))
    eventually(lambda: seqs(outbox) == [1, 2])
    clocks.later = 3660.0
    outbox.put(event(3))
    eventually(lambda: seqs(outbox) == [2, 3])
    assert outbox.state.dropped == 1
    outbox.close()


def test_memory_only() -> None:
    """The same order and the same bounds, but nothing outlives the program."""
    outbox = open_outbox(OutboxSettings(durable=False, max_events=100))
    called = []
    outbox.on_stored(lambda: called.append(len(seqs(outbox))))
    for seq in range(1, 121):
        outbox.put(event(seq))
    assert called == [*range(1, 101), *[100] * 20]
    assert seqs(outbox) == list(range(21, 121))
    assert outbox.state == OutboxState(100, 20, durable=False)
    outbox.confirm(stored.position for stored in outbox.waiting(0, 100)[5:])
    assert seqs(outbox) == list(range(21, 26))
    assert outbox.last_seq == 0
    outbox.close()


def test_megabytes_in_memory() -> None:
    """Texts and what Python adds to them stay within the bound."""
    outbox = MemoryOutbox(OutboxSettings(durable=False, max_megabytes=1.0))
    for seq in range(1, 4001):
        outbox.put(event(seq))
    texts = [stored.text for stored in outbox.waiting(0, 4000)]
    assert 0.5e6 < sum(map(len, texts)) < 1e6
    assert outbox.state.dropped + len(texts) == 4000


def test_path_of_the_configuration(tmp_path: Path, state_directory: Path) -> None:
    """Empty, it is a file in the state folder; folders are made."""
    other = tmp_path / "a" / "b" / "events"
    for settings, path in (
        (OutboxSettings(), state_directory / "outbox.sqlite"),
        (OutboxSettings(path=str(other)), other),
    ):
        outbox = open_outbox(settings)
        outbox.put(event(1))
        outbox.close()
        assert path.exists()
        path.unlink()


def test_clocks_of_the_machine(open_durable: Open) -> None:
    """Without others given, an event waits since now."""
    before = read_clocks().seconds
    outbox = open_durable()
    outbox.put(event(1))
    eventually(lambda: seqs(outbox) == [1])
    assert before <= outbox.waiting(0, 1)[0].since <= read_clocks().seconds
