"""A program that stores events until it is killed, and tells which are stored.

    python tests/outbox_writer.py PATH

Each ``seq`` is printed once it is stored. Every third event is confirmed at once.
"""

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from fer_edge.events import Event, EventType
from fer_edge.outbox import Outbox, OutboxSettings, Stored
from fer_edge.outbox.opening import open_outbox

_AHEAD = 50
"""Events under way, so that a change of the file has one or many."""


def event(seq: int) -> Event:
    """Return an event of a length that events have."""
    labels = "angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"
    return Event(
        type=EventType.UPDATE,
        id=f"door-20240101T000000.000-{seq}",
        seq=seq,
        camera="door",
        track=1,
        emotion="happy",
        score=0.4,
        scores={label: 0.4 if label == "happy" else 0.1 for label in labels},
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        at=datetime(2024, 1, 1, 0, 0, seq % 60, tzinfo=UTC),
        ended_at=None,
        dwell_seconds=5.0,
        replayed=False,
        model="compact",
    )


def seq_of(stored: Stored) -> int:
    """Return the ``seq`` of an event that waits."""
    return int(json.loads(stored.text)["seq"])


def seqs(outbox: Outbox, after: int = 0, limit: int = sys.maxsize) -> list[int]:
    """Return the ``seq`` of the oldest that wait."""
    return [seq_of(stored) for stored in outbox.waiting(after, limit)]


def is_confirmed(seq: int) -> bool:
    """Tell whether the program forgets an event once it is stored."""
    return seq % 3 == 0


def write(outbox: Outbox, tell: Callable[[int], None]) -> None:
    """Put events for ever, telling those that are stored."""
    stored = threading.Event()
    outbox.on_stored(stored.set)
    seqs = count(outbox.last_seq + 1)
    # Of earlier runs' events only the positions matter here.
    earlier = outbox.waiting(0, sys.maxsize)
    position = earlier[-1].position if earlier else 0
    told = outbox.last_seq
    for seq in seqs:
        outbox.put(event(seq))
        while seq - told >= _AHEAD:
            stored.wait()
            stored.clear()
            for one in outbox.waiting(position, _AHEAD):
                position, told = one.position, seq_of(one)
                tell(told)
                if is_confirmed(told):
                    outbox.confirm((position,))


def _print(seq: int) -> None:
    sys.stdout.write(f"{seq}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    write(open_outbox(OutboxSettings(path=str(Path(sys.argv[1])))), _print)
