"""What is said of the device: a status and a situation in, topics and payloads out."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from fer_edge.classifiers import ClassifierState, Device
from fer_edge.events import EventType
from fer_edge.monitor import Histogram, Status
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState, messages
from fer_edge.situation import Situation
from fer_edge.stages import Stage
from mqtt_stage import ABOUT, event

_STATUS = Status(
    about=ABOUT,
    uptime_seconds=3.0,
    detecting=True,
    preview=False,
    frames=90,
    dropped=2,
    faces=1,
    frames_per_second=29.97,
    openings=1,
    frame_age_seconds=0.01,
    processed_age_seconds=0.04,
    latency_seconds=0.05,
    last_frame_at=ABOUT.started_at,
    events={"happy": 3},
    stages={},
    classifier=ClassifierState(Device.CPU, 0.0, reason="unplugged"),
    outbox=OutboxState(5, 0, durable=False, reason="disk full"),
    broker=BrokerState(True, 0.0, confirmed=7),
)


def _shown(situation: Situation, status: Status = _STATUS) -> dict[str, str]:
    told = messages.shown("fer/pi", situation, status, commands=False)
    return {one.topic.removeprefix("fer/pi/"): one.payload for one in told}


def _stats(status: Status, before: Status | None = None) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(messages.stats("r", status, before).payload)
    return told


def test_nobody() -> None:
    """The emotion is none, and every key that a template may want is there."""
    shown = _shown(Situation())
    assert shown["emotion/state"] == "none"
    assert json.loads(shown["emotion/attributes"]) == {
        "score": None, "scores": None, "track": None, "started_at": None, "faces": [],
    }  # fmt: skip


def test_several_faces() -> None:
    """The one that began last leads, all are listed; and when it ends, the other."""
    first, second = event(1, "happy", track=1), event(2, "sad", track=2)
    both = Situation().after(first).after(second)
    shown = _shown(both)
    attributes = json.loads(shown["emotion/attributes"])
    assert (shown["emotion/state"], attributes["track"]) == ("sad", 2)
    assert [face["track"] for face in attributes["faces"]] == [1, 2]
    over = replace(second, type=EventType.END)
    assert _shown(both.after(over))["emotion/state"] == "happy"


def test_crowd() -> None:
    """The newest faces are listed; a message does not grow with the crowd."""
    crowd = Situation(tuple(event(seq, track=seq) for seq in range(1, 201)))
    attributes = json.loads(_shown(crowd)["emotion/attributes"])
    assert [face["track"] for face in attributes["faces"]] == list(range(181, 201))


def test_why_not_as_configured() -> None:
    """The status says why the Edge TPU or the disk is not used."""
    status = json.loads(_shown(Situation())["status"])
    assert status["classifier"]["reason"] == "unplugged"
    assert status["outbox"] == {"durable": False, "reason": "disk full"}
    assert status["started_at"] == "2024-01-01T12:00:00.000Z"


def test_nothing_has_changed() -> None:
    """What changes with every frame is in no retained topic."""
    later = replace(
        _STATUS,
        uptime_seconds=4.0,
        frames=120,
        frame_age_seconds=0.02,
        processed_age_seconds=0.03,
        latency_seconds=0.06,
        frames_per_second=30.01,
        outbox=OutboxState(9, 0, durable=False, reason="disk full"),
        broker=BrokerState(True, 0.0, confirmed=8),
    )
    assert _shown(Situation()) == _shown(Situation(), later)


def test_before_the_first_frame() -> None:
    """Infinite ages are null: JSON has no infinity."""
    never = replace(
        _STATUS,
        frame_age_seconds=math.inf,
        processed_age_seconds=math.inf,
        last_frame_at=None,
    )
    stats = _stats(never)
    assert stats["frame_age_seconds"] is stats["processed_age_seconds"] is None
    assert stats["last_frame_at"] is None


@pytest.mark.parametrize("seen", [True, False])
def test_stage_seconds(seen: bool) -> None:
    """They are the mean of the time since the last figures, not since the start."""
    before = replace(_STATUS, stages={Stage.DETECT: Histogram((100,), 100.0)})
    counts = (110,) if seen else (100,)
    after = replace(_STATUS, stages={Stage.DETECT: Histogram(counts, 100.2)})
    assert _stats(after, before)["stage_seconds"] == ({"detect": 0.02} if seen else {})
    assert _stats(before)["stage_seconds"] == {"detect": 1.0}


def test_figures_are_not_kept() -> None:
    """They are of their time: neither retained nor sent again."""
    message = messages.stats("r", _STATUS, None)
    assert not message.retained
    assert not message.answered
