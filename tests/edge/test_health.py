"""What counts as a problem, and what as a note."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fer_edge.classifiers import ClassifierState, Device
from fer_edge.health import Finding, notes, problems
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.web import HttpSettings
from web_served import make_status

_LIMITS = HttpSettings(
    stale_frame_seconds=30.0, stale_inference_seconds=40.0, broker_seconds=300.0
)
_NOW = 5000.0
_GOOD = make_status(
    uptime_seconds=1000.0,
    classifier=ClassifierState(Device.EDGETPU, since=0.0),
    outbox=OutboxState(waiting=3, dropped=0, durable=True),
    broker=BrokerState(connected=True, since=0.0),
)


@dataclass(frozen=True)
class Case:
    """A change of a healthy status, and the one problem that comes of it."""

    changes: dict[str, Any]
    problem: Finding | None


_BEFORE = {"frame_age_seconds": math.inf, "processed_age_seconds": math.inf}

_CASES = {
    "healthy": Case({}, None),
    "no frame for as long as allowed": Case({"frame_age_seconds": 30.0}, None),
    "no frame for longer": Case(
        {"frame_age_seconds": 41.2},
        Finding("camera", "no frame for 41 s; allowed is 30 s"),
    ),
    "no frame yet after a short time": Case({**_BEFORE, "uptime_seconds": 29.0}, None),
    "no frame yet after a long time": Case(
        {**_BEFORE, "uptime_seconds": 35.0},
        Finding("camera", "no frame for 35 s; allowed is 30 s"),
    ),
    "frames that are not looked at": Case(
        {"processed_age_seconds": 50.0},
        Finding("inference", "no frame was looked at for 50 s; allowed is 40 s"),
    ),
    "detection off": Case({"processed_age_seconds": 9e9, "detecting": False}, None),
    "full disk": Case(
        {"outbox": OutboxState(3, 0, durable=False, reason="disk full")},
        Finding("outbox", "events are kept in memory, not on the disk: disk full"),
    ),
    "outbox in memory as configured": Case(
        {"outbox": OutboxState(3, 0, durable=False)}, None
    ),
    "no outbox and no broker": Case({"outbox": None, "broker": None}, None),
    "broker away for as long as allowed": Case(
        {"broker": BrokerState(connected=False, since=4700.0)}, None
    ),
    "broker away for longer": Case(
        {"broker": BrokerState(False, since=4600.0, reason="refused")},
        Finding("broker", "not connected for 400 s; allowed is 300 s: refused"),
    ),
    "Edge TPU gone": Case(
        {"classifier": ClassifierState(Device.CPU, 0.0, "unplugged")}, None
    ),
}


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES.keys())
def test_problem(case: Case) -> None:
    """Each has one line with what is seen and what is allowed."""
    status = replace(_GOOD, **case.changes)
    wanted = [case.problem] if case.problem else []
    assert problems(status, _LIMITS, _NOW) == wanted


def test_several_problems() -> None:
    """All are told."""
    status = replace(
        _GOOD,
        frame_age_seconds=50.0,
        processed_age_seconds=50.0,
        outbox=OutboxState(3, 0, durable=False, reason="disk full"),
        broker=BrokerState(connected=False, since=0.0),
    )
    parts = [found.part for found in problems(status, _LIMITS, _NOW)]
    assert parts == ["camera", "inference", "outbox", "broker"]


def test_healthy_without_notes() -> None:
    """There is nothing to say."""
    assert notes(_GOOD, _LIMITS, _NOW) == []
    assert notes(replace(_GOOD, broker=None, outbox=None), _LIMITS, _NOW) == []


def test_notes() -> None:
    """What is not as it was meant, but no failure, is said."""
    status = replace(
        _GOOD,
        classifier=ClassifierState(Device.CPU, 0.0, "unplugged"),
        detecting=False,
        outbox=OutboxState(0, 1234, durable=True),
        broker=BrokerState(connected=False, since=4999.0, reason="refused"),
    )
    assert notes(status, _LIMITS, _NOW) == [
        Finding("classifier", "the processor stands in for the Edge TPU: unplugged"),
        Finding("detection", "switched off; no frame is looked at"),
        Finding("outbox", "1,234 events had to be dropped since the start"),
        Finding("broker", "not connected: refused"),
    ]


def test_broker_away_for_long() -> None:
    """It is a problem then, and not a note too."""
    status = replace(_GOOD, broker=BrokerState(connected=False, since=0.0))
    assert [found.part for found in problems(status, _LIMITS, _NOW)] == ["broker"]
    assert notes(status, _LIMITS, _NOW) == []
