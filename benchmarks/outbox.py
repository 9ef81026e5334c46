"""How many events a second the outbox takes, and what storing them costs.

    .venv/bin/python benchmarks/outbox.py --path /var/lib/somewhere

The disk decides: a card in a Pi syncs in milliseconds to tens of them. So the time of a
bare sync stands beside the figures. Two loads:

- burst: as fast as the loop can put them; the time ends when the last one is stored.
- steady: as many a second as ``--rate`` says, each confirmed when it is stored; how
  long each takes from ``put`` until it may be sent, and how long ``put`` keeps the loop.
"""

import json
import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from fer_edge.events import Event, EventType
from fer_edge.outbox import Outbox, OutboxSettings
from fer_edge.outbox.opening import open_outbox

_LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def event(seq: int) -> Event:
    """Return an event as a model of seven labels makes them."""
    now = datetime.now(UTC)
    return Event(
        type=EventType.UPDATE,
        id=f"camera-{now:%Y%m%dT%H%M%S}-{seq}",
        seq=seq,
        camera="camera",
        track=1,
        emotion="happy",
        score=0.4,
        scores={label: 0.4 if label == "happy" else 0.1 for label in _LABELS},
        started_at=now,
        at=now,
        ended_at=None,
        dwell_seconds=5.0,
        replayed=False,
        model="compact",
    )


class Arrivals(threading.Thread):
    """Reads what is stored, as a publisher does, and notes when.

    Args:
        outbox: an empty one.
        count: how many events will come.
        confirm: whether each is confirmed at once.
    """

    def __init__(self, outbox: Outbox, count: int, *, confirm: bool) -> None:
        super().__init__(daemon=True)
        self._outbox, self._count, self._confirm = outbox, count, confirm
        self._stored = threading.Event()
        outbox.on_stored(self._stored.set)
        self.seconds: list[float] = []
        """From ``put`` until it could be had, an event."""

    def run(self) -> None:
        """Read until all have come."""
        position = 0
        while len(self.seconds) < self._count:
            self._stored.wait()
            self._stored.clear()
            while found := self._outbox.waiting(position, 200):
                now = time.monotonic()
                self.seconds += [now - stored.since for stored in found]
                position = found[-1].position
                if self._confirm:
                    self._outbox.confirm(stored.position for stored in found)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and longest, in milliseconds."""
    ordered = sorted(seconds)
    chosen = {
        "median": statistics.median(ordered),
        "p99": ordered[int(0.99 * (len(ordered) - 1))],
        "longest": ordered[-1],
    }
    return {name: round(1000.0 * value, 3) for name, value in chosen.items()}


def size(path: Path) -> int:
    """Return the bytes of a file of SQLite and what is beside it."""
    return sum(found.stat().st_size for found in path.parent.glob(f"{path.name}*"))


def burst(settings: OutboxSettings, count: int) -> dict[str, object]:
    """Put events as fast as it goes."""
    events = [event(seq) for seq in range(1, count + 1)]
    outbox = open_outbox(settings)
    arrivals = Arrivals(outbox, count, confirm=False)
    arrivals.start()
    begun = time.monotonic()
    for one in events:
        outbox.put(one)
    put = time.monotonic() - begun
    arrivals.join()
    stored = time.monotonic() - begun
    outbox.close()
    return {
        "events": count,
        "put_per_second": round(count / put),
        "stored_per_second": round(count / stored),
        "bytes_an_event": round(size(Path(settings.path)) / count, 1),
        "text_bytes": len(events[-1].to_json()),
    }


def steady(settings: OutboxSettings, rate: float, seconds: float) -> dict[str, object]:
    """Put so many events a second for a while."""
    count = int(rate * seconds)
    outbox = open_outbox(settings)
    arrivals = Arrivals(outbox, count, confirm=True)
    arrivals.start()
    begun = time.monotonic()
    puts = []
    for seq in range(1, count + 1):
        time.sleep(max(begun + seq / rate - time.monotonic(), 0.0))
        before = time.monotonic()
        outbox.put(event(seq))
        puts.append(time.monotonic() - before)
    arrivals.join()
    done = count / (time.monotonic() - begun)
    outbox.close()
    return {
        "wanted_per_second": rate,
        "stored_per_second": round(done, 1),
        "put_ms": percentiles(puts),
        "put_to_stored_ms": percentiles(arrivals.seconds),
        "bytes_at_the_end": size(Path(settings.path)),
    }


def bare_sync(folder: Path, count: int = 50) -> dict[str, float]:
    """Return what it costs to write a page and sync it, in milliseconds."""
    seconds = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(count):
            begun = time.monotonic()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            seconds.append(time.monotonic() - begun)
    return percentiles(seconds)


@click.command()
@click.option("--path", default="/tmp", help="Folder on the disk to be measured.")
@click.option("--events", default=20_000, help="Of the burst.")
@click.option("--rate", default=2000.0, help="Events a second of the steady load.")
@click.option("--seconds", default=5.0, help="Of the steady load.")
def main(path: str, events: int, rate: float, seconds: float) -> None:
    """Measure the outbox and print the figures as JSON."""
    with tempfile.TemporaryDirectory(dir=path) as folder:
        figures: dict[str, object] = {"bare_sync_ms": bare_sync(Path(folder))}
        for name in ("durable", "memory"):
            for load in ("burst", "steady"):
                settings = OutboxSettings(
                    durable=name == "durable", path=str(Path(folder) / f"{name}-{load}")
                )
                figures[f"{name}_{load}"] = (
                    burst(settings, events)
                    if load == "burst"
                    else steady(settings, rate, seconds)
                )
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
