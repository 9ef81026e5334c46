"""What the tests of publishers share: something to tell, and patience."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fer_edge.events import Event, EventType

_SECONDS = 60.0
"""Generous: what is waited for takes a second or two."""


@pytest.fixture
def event() -> Event:
    """The beginning of an episode."""
    return Event(
        type=EventType.NEW,
        id="door-1",
        seq=1,
        camera="door",
        track=1,
        emotion="happy",
        score=0.9,
        scores={"happy": 0.9, "sad": 0.1},
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        at=datetime(2024, 1, 1, tzinfo=UTC),
        ended_at=None,
        dwell_seconds=0.0,
        replayed=False,
        model="compact",
    )


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for something to become true."""

    def until(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return until
