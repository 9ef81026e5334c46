"""What the broker is told of the device. Pure: a status and a situation in."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fer_edge.events import Event, rfc3339
from fer_edge.monitor import Status
from fer_edge.situation import Situation

NONE = "none"
"""The emotion while no face shows one."""

# A crowd would make a message that small brokers do not take.
_MOST_FACES = 20


class Topic(StrEnum):
    """What stands behind ``<prefix>/<node>/``."""

    AVAILABLE = "available"
    """Whether the other topics are to be believed. ``online`` comes after the states,
    on every connection; ``offline`` by last will, or where a failure ended it."""
    STATUS = "status"
    """Model, runtime, detector, what answers and why, what slows the board down; on
    change."""
    EMOTION = "emotion/state"
    """Emotion of the episode that began last, of all that go on; ``none`` without one;
    on change."""
    ATTRIBUTES = "emotion/attributes"
    """More of that episode, and each face that shows an emotion, 20 at most; on
    change."""
    FACES = "faces"
    """How many faces there are in the newest frame; on change."""
    EVENTS = "events"
    """Every event, in order."""
    STATS = "stats"
    """Figures, each ``mqtt.stats_seconds``."""
    DETECT = "detect/state"
    """Whether frames are looked at; only with ``mqtt.commands``; on change."""
    DETECT_SET = "detect/set"
    """Looks at frames, or lets them pass; only with ``mqtt.commands``."""
    PREVIEW = "preview/state"
    """Whether the page shows the picture; only with ``mqtt.commands``; on change."""
    PREVIEW_SET = "preview/set"
    """Shows the picture on the page, or not; only with ``mqtt.commands``."""


class Availability(StrEnum):
    """What stands in ``available``."""

    ONLINE = "online"
    """What the other topics say is so."""
    STOPPED = "stopped"
    """Ended as it should be."""
    OFFLINE = "offline"
    """Lost: the last will, or the last word of one that a failure has ended, such as a
    camera that is gone."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    topic: str
    payload: str
    retained: bool = True
    """Whether the broker gives it to whoever comes later."""
    answered: bool = True
    """Whether the broker confirms it (QoS 1)."""


def availability(root: str, value: Availability) -> Message:
    """Tell whether the other topics are to be believed."""
    return Message(f"{root}/{Topic.AVAILABLE}", value)


def event_message(root: str, text: str) -> Message:
    """Tell an event.

    Args:
        root: what topics begin with.
        text: the event as JSON, a line.
    """
    return Message(f"{root}/{Topic.EVENTS}", text, retained=False)


def shown(
    root: str, situation: Situation, status: Status, *, commands: bool
) -> list[Message]:
    """Return what is so now; each topic is sent when its payload changes.

    Args:
        root: what topics begin with.
        situation: the episodes that go on.
        status: of the daemon.
        commands: whether it can be switched.
    """
    leading = situation.leading
    payloads = {
        Topic.STATUS: _json(_status(status)),
        Topic.ATTRIBUTES: _json(_attributes(situation)),
        Topic.EMOTION: leading.emotion if leading else NONE,
        Topic.FACES: str(status.faces),
    }
    if commands:
        payloads[Topic.DETECT] = switched(on=status.detecting)
        payloads[Topic.PREVIEW] = switched(on=status.preview)
    return [Message(f"{root}/{topic}", text) for topic, text in payloads.items()]


def switched(*, on: bool) -> str:
    """Return what stands in the topics of switches."""
    return "ON" if on else "OFF"


def stats(root: str, status: Status, before: Status | None) -> Message:
    """Return the figures of a while.

    Args:
        root: what topics begin with.
        status: of the daemon now.
        before: that of the last figures; None where these are the first.
    """
    outbox, broker = status.outbox, status.broker
    values = {
        "uptime_seconds": round(status.uptime_seconds, 1),
        "frames_per_second": round(status.frames_per_second, 2),
        "frames": status.frames,
        "dropped": status.dropped,
        "faces": status.faces,
        "frame_age_seconds": _seconds(status.frame_age_seconds),
        "processed_age_seconds": _seconds(status.processed_age_seconds),
        "latency_seconds": _seconds(status.latency_seconds),
        "last_frame_at": rfc3339(status.last_frame_at)
        if status.last_frame_at
        else None,
        "events": dict(status.events),
        "stage_seconds": _stage_seconds(status, before),
        "classifier": status.classifier.device,
        "outbox": None
        if outbox is None
        else {
            "waiting": outbox.waiting,
            "dropped": outbox.dropped,
            "durable": outbox.durable,
        },
        "broker": None
        if broker is None
        else {"confirmed": broker.confirmed, "refused": broker.refused},
    }
    # The next ones are better than these sent again.
    return Message(f"{root}/{Topic.STATS}", _json(values), False, False)


def _status(status: Status) -> dict[str, Any]:
    about, classifier, outbox = status.about, status.classifier, status.outbox
    return {
        "version": about.version,
        "started_at": rfc3339(about.started_at),
        "camera": about.camera,
        "source": about.source,
        "model": about.model,
        "model_note": status.model.note if status.model else "",
        "labels": about.labels,
        "runtime": about.runtime,
        "detector": about.detector,
        "classifier": {
            "device": classifier.device,
            "reason": classifier.reason,
            "restarts": classifier.restarts,
        },
        "detecting": status.detecting,
        "preview": status.preview,
        "outbox": None
        if outbox is None
        else {"durable": outbox.durable, "reason": outbox.reason},
        "slowed_by": status.slowed_by,
    }


def _attributes(situation: Situation) -> dict[str, Any]:
    leading = situation.leading
    # The keys are always there, for templates.
    empty = dict.fromkeys(("score", "scores", "track", "started_at"))
    first = _face(leading) if leading else empty
    first.pop("emotion", None)
    newest = situation.ongoing[-_MOST_FACES:]
    return {**first, "faces": [_face(event) for event in newest]}


def _face(event: Event) -> dict[str, Any]:
    return {
        "emotion": event.emotion,
        "score": event.score,
        "scores": event.scores,
        "track": event.track,
        "started_at": rfc3339(event.started_at),
    }


def _stage_seconds(status: Status, before: Status | None) -> dict[str, float]:
    """Return the mean of each stage since before."""
    means = {}
    for stage, now in status.stages.items():
        old = before.stages.get(stage) if before else None
        count = sum(now.counts) - (sum(old.counts) if old else 0)
        seconds = now.seconds - (old.seconds if old else 0.0)
        if count:
            means[str(stage)] = round(seconds / count, 6)
    return means


def _seconds(value: float) -> float | None:
    """Return what JSON can hold: before the first frame its age is infinite."""
    return round(value, 3) if math.isfinite(value) else None


def _json(values: Mapping[str, Any] | Iterable[Any]) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)
