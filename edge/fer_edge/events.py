"""The event: what the device tells the world. ``fer-edge schema`` prints its schema."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fer_edge.meanings import meanings, unmarked


class EventType(StrEnum):
    """Where in its episode an event stands."""

    NEW = "new"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """News of an episode: one face that showed one emotion for a while."""

    type: EventType
    """Where in its episode it stands."""
    id: str
    """The episode; shared by its new, update and end."""
    seq: int
    """Counts events, from 1; over restarts too, while there is a durable outbox. The
    same id and seq are the same message, arrived twice."""
    camera: str
    """Its name in the configuration."""
    track: int
    """The face, as long as it stays in view; counts from 1."""
    emotion: str
    """A label of the model, or ``uncertain`` below the threshold."""
    score: float
    """Smoothed score of the emotion; of the best label when uncertain. An end has the
    last one while the face still showed it."""
    scores: Mapping[str, float]
    """Smoothed score a label; they sum to 1."""
    started_at: datetime
    """When the face began to show it."""
    at: datetime
    """When this was said."""
    ended_at: datetime | None
    """When the face ceased to show it, or was last seen; only in end."""
    dwell_seconds: float
    """How long the face has shown the emotion, by a clock that does not jump."""
    replayed: bool
    """Sent later than it happened, after an outage."""
    model: str
    """Its name in the bundle's manifest."""

    def to_json(self) -> str:
        """Return one line of JSON, times as RFC 3339 in UTC."""
        # asdict would copy deeply, which takes four times as long as all of this.
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        for key in ("started_at", "at", "ended_at"):
            if values[key] is not None:
                values[key] = rfc3339(values[key])
        return json.dumps(values, separators=(",", ":"))


def rfc3339(moment: datetime) -> str:
    """Format an aware time as RFC 3339 in UTC, with milliseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) that every event meets.

    It is published, so it allows keys that it does not name: those of later versions.
    """
    share = {"type": "number", "minimum": 0, "maximum": 1}
    time = {"type": "string", "format": "date-time", "pattern": "Z$"}
    name = {"type": "string", "minLength": 1}
    count = {"type": "integer", "minimum": 1}
    scores = {"type": "object", "additionalProperties": share, "minProperties": 2}
    properties: dict[str, Any] = {
        "type": {"enum": [kind.value for kind in EventType]},
        "id": name,
        "seq": count,
        "camera": name,
        "track": count,
        "emotion": name,
        "score": share,
        "scores": scores,
        "started_at": time,
        "at": time,
        "ended_at": {"oneOf": [time, {"type": "null"}]},
        "dwell_seconds": {"type": "number", "minimum": 0},
        "replayed": {"type": "boolean"},
        "model": name,
    }
    for key, text in meanings(Event).items():
        properties[key] = properties[key] | {"description": unmarked(text)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:fer-edge:event:1",
        "title": "Emotion event",
        "description": "News of an episode: one face that showed one emotion for a "
        "while. Later versions may add keys; readers pass over those they do not know.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "if": {"properties": {"type": {"const": "end"}}},
        "then": {"properties": {"ended_at": {"type": "string"}}},
        "else": {"properties": {"ended_at": {"type": "null"}}},
    }
