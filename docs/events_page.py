"""events.md: the event, and what the broker is told."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fer_edge.classifiers import ClassifierState, Device
from fer_edge.controls import Controls
from fer_edge.events import Event, EventType, event_schema
from fer_edge.meanings import meanings
from fer_edge.moment import Moment
from fer_edge.monitor import BUCKETS, About, Histogram, Monitor, Status
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.publishers.mqtt.messages import (
    Availability,
    Message,
    Topic,
    availability,
    event_message,
    shown,
    stats,
    switched,
)
from fer_edge.situation import Situation
from fer_edge.stages import Stage
from typesetting import MADE, code, prose, table

_ROOT = "<prefix>/<node>"
_BEGUN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_LABELS = ("happy", "neutral", "sad", "surprise")

_NEW = Event(
    type=EventType.NEW,
    id="door-20260131T120012300000-1",
    seq=1,
    camera="door",
    track=1,
    emotion="happy",
    score=0.91,
    scores=dict(zip(_LABELS, (0.91, 0.06, 0.01, 0.02), strict=True)),
    started_at=_BEGUN + timedelta(seconds=12.3),
    at=_BEGUN + timedelta(seconds=12.6),
    ended_at=None,
    dwell_seconds=0.3,
    replayed=False,
    model="slim-fe309149",
)
_END = replace(
    _NEW,
    type=EventType.END,
    seq=2,
    score=0.88,
    at=_BEGUN + timedelta(seconds=17.1),
    ended_at=_BEGUN + timedelta(seconds=16.6),
    dwell_seconds=4.3,
)


def page() -> str:
    """Return the page."""
    return f"""{MADE}\
# Events and topics

## The event

News of one face that shows one emotion for a while, an *episode*: it begins with
`new`, may have `update`s, and ends with `end`. Every event is one JSON object: a line
on standard output or in the file of `[json_lines]`, the standard input of a hook, a
message to the broker. `fer-edge schema` prints its JSON Schema; later versions may add
keys, so readers pass over those that they do not know.

{_fields()}
A beginning and its end:

```json
{_NEW.to_json()}
{_END.to_json()}
```

## What the broker is told

Topics stand below `<prefix>/<node>/`: `mqtt.topic_prefix`, and `mqtt.node` or the
host's name ([configuration](configuration.md)). The broker confirms what has QoS 1, and
gives what is retained to whoever comes later.

{_topics()}
`available` is

{_availabilities()}
Events wait in the outbox until the broker has confirmed them, and come in order. After
a fault one may come twice: the same `id` and `seq` are the same message.

Examples, one a topic:

{_examples()}
"""


def _fields() -> str:
    schema = event_schema()
    rows = (
        (code(key), _kind(part), prose(part["description"]))
        for key, part in schema["properties"].items()
    )
    return table(("key", "holds", "meaning"), rows)


def _kind(part: dict[str, Any]) -> str:
    if words := part.get("enum"):
        return ", ".join(code(word) for word in words)
    if options := part.get("oneOf"):
        return " or ".join(_kind(option) for option in options)
    if part.get("format") == "date-time":
        return "time, RFC 3339 in UTC"
    if part["type"] == "object":
        return f"object of label: {_kind(part['additionalProperties'])}"
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None:
        upper = "on" if high is None else f"to {high}"
        return f"{part['type']}, from {low} {upper}"
    return str(part["type"])


def _topics() -> str:
    texts, messages = meanings(Topic), _messages()
    rows = []
    for topic in Topic:
        message = messages.get(topic)
        if message is None:
            sent, retained = "read", ""
        else:
            sent = str(int(message.answered))
            retained = "yes" if message.retained else "no"
        rows.append((code(topic), sent, retained, prose(texts[topic.name])))
    return table(("topic", "QoS", "retained", "holds"), rows)


def _availabilities() -> str:
    texts = meanings(Availability)
    rows = ((code(value), prose(texts[value.name])) for value in Availability)
    return table(("payload", "means"), rows)


def _examples() -> str:
    blocks = []
    for topic, message in _messages().items():
        text = message.payload
        if text.startswith("{"):
            text = json.dumps(json.loads(text), indent=2)
            blocks.append(f"{code(topic)}\n\n```json\n{text}\n```\n")
        else:
            blocks.append(f"{code(topic)}: {code(text)}\n")
    orders = " or ".join(code(switched(on=on)) for on in (True, False))
    return "\n".join(blocks) + f"\nSwitches are set by {orders}, not retained."


def _messages() -> dict[Topic, Message]:
    """Return a message a topic that is sent, as the daemon makes it."""
    status = _status()
    situation = Situation().after(_NEW)
    sent = [
        availability(_ROOT, Availability.ONLINE),
        *shown(_ROOT, situation, status, commands=True),
        event_message(_ROOT, _NEW.to_json()),
        stats(_ROOT, status, None),
    ]
    return dict(_by_topic(sent))


def _by_topic(messages: Iterable[Message]) -> Iterable[tuple[Topic, Message]]:
    for message in messages:
        yield Topic(message.topic.removeprefix(f"{_ROOT}/")), message


def _status() -> Status:
    """Return how a daemon stands a quarter of a minute after its start."""
    about = About(
        version="0.1.0",
        node="pi",
        camera="door",
        source="/dev/video0",
        model=_NEW.model,
        runtime="ai-edge-litert 2.3.0",
        detector="yunet",
        labels=_LABELS,
        purpose="home",
        started_at=_BEGUN,
    )
    monitor = Monitor(
        about,
        Moment(0.0, _BEGUN),
        Controls(),
        lambda: ClassifierState(Device.CPU, 0.0),
        outbox=lambda: OutboxState(waiting=0, dropped=0, durable=True),
        broker=lambda: BrokerState(connected=True, since=0.5, confirmed=1),
    )
    at = _BEGUN + timedelta(seconds=15)
    return replace(
        monitor.status(Moment(15.0, at)),
        frames=450,
        faces=1,
        frames_per_second=29.97,
        frame_age_seconds=0.012,
        processed_age_seconds=0.009,
        latency_seconds=0.021,
        last_frame_at=at,
        events={"happy": 1},
        stages={
            Stage.DETECT: Histogram(_counts(60), 0.948),
            Stage.CLASSIFY: Histogram(_counts(60), 0.009),
        },
    )


def _counts(frames: int) -> tuple[int, ...]:
    return (frames, *(0 for _ in BUCKETS[1:]))
