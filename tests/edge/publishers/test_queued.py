"""A publisher in a thread of its own: what it may do to the loop, which is nothing."""

import json
import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fer_edge.events import Event, EventType
from fer_edge.publishers.json_lines import JsonLines, LinesFile
from fer_edge.publishers.queued import Queued

Until = Callable[[Callable[[], bool]], None]


class Kept:
    """Keeps what it gets, once it is let to; fails so often before."""

    def __init__(self, failures: int = 0) -> None:
        self.numbers: list[int] = []
        self.closed = 0
        self.busy = threading.Event()
        self.let = threading.Event()
        self._failures = failures

    def publish(self, event: Event) -> None:
        self.busy.set()
        self.let.wait()
        if self._failures:
            self._failures -= 1
            raise OSError(5, "Input/output error")
        self.numbers.append(event.seq)

    def close(self) -> None:
        self.closed += 1
        self.let.set()


def _publish(queue: Queued, event: Event, count: int, first: int = 1) -> None:
    for seq in range(first, first + count):
        queue.publish(replace(event, seq=seq))


def test_order(tmp_path: Path, event: Event, caplog: pytest.LogCaptureFixture) -> None:
    """All events arrive, in order, and nothing is said."""
    path = tmp_path / "events.jsonl"
    queue = Queued("json_lines", LinesFile(path), limit=3000)
    _publish(queue, event, 3000)
    queue.close()
    lines = path.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 3001))
    assert (queue.state.handed_on, queue.state.dropped) == (3000, 0)
    assert caplog.messages == []


def test_stalled_publisher(
    event: Event, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop goes on, the oldest events go, and that is counted and said once."""
    kept = Kept()
    queue = Queued("hooks[0]", kept, limit=10)
    _publish(queue, event, 1)
    assert kept.busy.wait(30.0)
    _publish(queue, event, 25, first=2)
    state = queue.state
    assert (state.waiting, state.handed_on, state.dropped) == (10, 0, 15)
    assert state.reason == "10 events wait"
    kept.let.set()
    until(lambda: not queue.state.reason)
    assert kept.numbers == [1, *range(17, 27)]
    assert caplog.messages == [
        "hooks[0]: 10 events wait; the oldest are dropped",
        "hooks[0]: works again; events lost: 15",
    ]
    queue.close()
    assert kept.closed == 1


def test_failing_publisher(
    event: Event, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that failed is tried again, before those that came later."""
    kept = Kept(failures=2)
    kept.let.set()
    queue = Queued("json_lines", kept)
    _publish(queue, event, 5)
    until(lambda: queue.state.handed_on == 5)
    until(lambda: not queue.state.reason)
    queue.close()
    assert kept.numbers == [1, 2, 3, 4, 5]
    assert caplog.messages == [
        "json_lines: Input/output error; trying again; 1,000 events can wait",
        "json_lines: works again; events lost: 0",
    ]


def test_full_disk(full_disk: Path, event: Event, until: Until) -> None:
    """Once there is room again, all that could wait is written, each line whole."""
    path, ballast = full_disk / "events.jsonl", full_disk / "ballast"
    ballast.write_bytes(bytes(252 * 1024))
    with closing(Queued("json_lines", LinesFile(path), limit=100)) as queue:
        _publish(queue, event, 100)
        until(lambda: queue.state.reason == "No space left on device")
        ballast.unlink()
        until(lambda: queue.state.handed_on == 100)
    lines = path.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 101))


def test_reader_that_goes_away(
    event: Event, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not come back: its events are counted, and nobody else is disturbed."""
    kept = Kept()
    kept.let.set()
    other = Queued("hooks[0]", kept)
    reader, writer = os.pipe()
    with open(writer, "w") as stream:  # noqa: PTH123
        queue = Queued("json_lines", JsonLines(stream))
        os.close(reader)
        for publisher in (queue, other):
            _publish(publisher, event, 1)
        until(lambda: queue.state.dropped == 1)
        for publisher in (queue, other):
            _publish(publisher, event, 2, first=2)
            publisher.close()
    assert queue.state.dropped == 3
    assert queue.state.reason == "Broken pipe"
    assert kept.numbers == [1, 2, 3]
    assert caplog.messages == [
        "json_lines: Broken pipe; it gets no more events",
        "json_lines: events that never got there: 3",
    ]


def test_closing_while_it_hangs(
    event: Event, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """The end is not kept waiting by a reader that reads nothing."""
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "w") as stream:  # noqa: PTH123
        queue = Queued("json_lines", JsonLines(stream), closing_seconds=0.1)
        _publish(queue, event, 1000)
        until(lambda: queue.state.handed_on > 50)
        queue.close()
        lost = queue.state.dropped
        assert lost == 1000 - queue.state.handed_on - 1
        assert caplog.messages[-1] == (
            f"json_lines: events that never got there: {lost}"
        )
        assert queue.state.waiting == 0


def test_closing_while_it_fails(event: Event, until: Until) -> None:
    """At the end a failure is not waited out."""
    kept = Kept(failures=1_000_000)
    kept.let.set()
    queue = Queued("json_lines", kept, closing_seconds=60.0)
    _publish(queue, event, 7)
    until(lambda: queue.state.reason != "")
    queue.close()
    assert queue.state.dropped == 7
    assert kept.closed == 1


def test_wants(event: Event) -> None:
    """What does not concern a publisher takes no place in its queue."""
    kept = Kept()
    queue = Queued(
        "hooks[0]", kept, limit=2, wants=lambda news: news.type is EventType.NEW
    )
    _publish(queue, replace(event, type=EventType.UPDATE), 50)
    _publish(queue, event, 2)
    kept.let.set()
    queue.close()
    assert (kept.numbers, queue.state.dropped) == ([1, 2], 0)
