"""An event that was stored arrives, whatever dies in between."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, Watcher, await_that
from mqtt_stage import ROOT
from relay import Relay
from running_daemon import StartDaemon

_EVENTS = f"{ROOT}/events"
_TOTAL = 10_000
_DEATHS = ("broker", "daemon", "both") * 3


@contextmanager
def _event_source(repository: Path, outbox: Path, port: int) -> Iterator[Any]:
    folders = [repository / name for name in ("edge", "contract", "tests")]
    program = repository / "tests" / "event_source.py"
    with subprocess.Popen(
        [sys.executable, program, outbox, str(port), str(_TOTAL)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _told_apart(events: Sequence[dict[str, Any]]) -> list[int]:
    """Return the numbers of events in the order of their first arrival.

    What has come before must be marked when it comes again, and be the same.
    """
    first: dict[int, dict[str, Any]] = {}
    for event in events:
        seq = event["seq"]
        if seq in first:
            assert event["replayed"], f"{seq} came twice and is not marked"
            assert event["id"] == first[seq]["id"]
        first.setdefault(seq, event)
    return list(first)


def test_ten_thousand_events(repository: Path, tmp_path: Path) -> None:
    """Broker, daemon and both are killed, nine times in all: every event arrives.

    None overtakes another, and what comes twice is marked.
    """
    chance = random.Random(4)
    outbox = tmp_path / "outbox.sqlite"
    got: list[str] = []
    with Broker(tmp_path) as broker, Relay(broker.port) as relay:
        relay.cut()
        deaths = list(_DEATHS)
        while deaths:
            with _event_source(repository, outbox, relay.port) as source:
                while deaths:
                    death = deaths.pop(0)
                    # Nobody is missed: the wire is mended when somebody looks on.
                    with Watcher(broker.port) as watcher:
                        relay.mend()
                        wanted = chance.randint(100, 900)
                        _await_events(watcher, wanted, source)
                        if death != "broker":
                            source.kill()
                            source.wait()
                        if death == "daemon":
                            # Behind this word nothing of the daemon is under way.
                            watcher.send("word", "last")
                            watcher.await_payload("word", "last")
                        else:
                            broker.kill()
                            watcher.await_end()
                        relay.cut()
                        got += watcher.of(_EVENTS)
                    if death != "daemon":
                        broker.start()
                    if death != "broker":
                        break
        with (
            _event_source(repository, outbox, relay.port) as source,
            Watcher(broker.port) as watcher,
        ):
            relay.mend()
            assert source.wait(120) == 0
            watcher.send("word", "last")
            watcher.await_payload("word", "last")
            got += watcher.of(_EVENTS)
    assert _told_apart([json.loads(text) for text in got]) == [*range(1, _TOTAL + 1)]


def _await_events(watcher: Watcher, count: int, source: Any) -> None:
    def enough() -> bool:
        assert source.poll() is None, "it has ended by itself"
        return len(watcher.of(_EVENTS)) >= count

    await_that(enough, f"{count} events")


@pytest.fixture
def configure(tmp_path: Path, video: Path) -> Callable[[int], Path]:
    """Write a configuration: a recording as it was recorded, to a broker."""

    def write(port: int) -> Path:
        path = tmp_path / "fer-edge.toml"
        path.write_text(
            f'[camera]\nsource = "{video}"\npace = "recorded"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\nnode = "pi"\n'
            "first_retry_seconds = 0.1\nlongest_retry_seconds = 0.2\n"
            f'[outbox]\npath = "{tmp_path}/outbox.sqlite"\n'
            "[episodes]\nupdate_seconds = 0.2\n"
            '[law]\npurpose = "testing"\n'
        )
        return path

    return write


def test_daemon_killed_while_the_broker_is_away(
    start_daemon: StartDaemon, configure: Callable[[int], Path], tmp_path: Path
) -> None:
    """The next run tells of it first, marked, and counts on."""
    with Broker(tmp_path) as broker, Relay(broker.port) as relay:
        relay.cut()
        config = configure(relay.port)
        daemon = start_daemon(config)
        daemon.wait_until(lambda: len(daemon.events) >= 5)
        daemon.kill()
        before = [event["id"] for event in daemon.events]
        with Watcher(broker.port) as watcher:
            relay.mend()
            said = start_daemon(config).end()
            events = [json.loads(text) for text in watcher.of(_EVENTS)]
    assert said[-1].startswith("fer-edge: ")
    seqs = [event["seq"] for event in events]
    assert seqs == list(range(1, len(events) + 1))
    replayed = [event for event in events if event["id"] in before]
    # The last one may have been told while it was being stored.
    assert len(replayed) >= len(before) - 1
    assert all(event["replayed"] for event in replayed)
    # A time of its own: the second run plays the recording from its start again.
    assert not events[-1]["replayed"]
    assert events[-1]["type"] == "end"
