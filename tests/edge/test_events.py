"""Events, and the schema that the world is given."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fer_edge.events import Event, EventType, event_schema, rfc3339

_BEGUN = Event(
    type=EventType.NEW,
    id="door-20240101T000000000000-1",
    seq=1,
    camera="door",
    track=1,
    emotion="happy",
    score=0.9,
    scores={"happy": 0.9, "sad": 0.1},
    started_at=datetime(2024, 1, 1, 12, 30, 0, 250_999, UTC),
    at=datetime(2024, 1, 1, 12, 30, 1, tzinfo=UTC),
    ended_at=None,
    dwell_seconds=0.75,
    replayed=False,
    model="compact-1234",
)
_ENDED = replace(
    _BEGUN, type=EventType.END, seq=3, ended_at=datetime(2024, 1, 1, 12, 31, tzinfo=UTC)
)


def _document(event: Event) -> dict[str, Any]:
    document = json.loads(event.to_json())
    assert isinstance(document, dict)
    return document


def test_schema_itself() -> None:
    """The schema is a valid one of its draft, also after a way through JSON."""
    schema = json.loads(json.dumps(event_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:fer-edge:event:1"
    assert schema["description"]
    Draft202012Validator.check_schema(schema)


def test_event_of_a_later_version() -> None:
    """A key that is not named is no breach of the published schema."""
    Draft202012Validator(event_schema()).validate(_document(_BEGUN) | {"valence": 0.4})


@pytest.mark.parametrize(
    "event",
    [_BEGUN, replace(_BEGUN, type=EventType.UPDATE), _ENDED],
    ids=["new", "update", "end"],
)
def test_event(event: Event, event_judge: Draft202012Validator) -> None:
    """Events of all three types meet the schema."""
    event_judge.validate(_document(event))


def test_one_line() -> None:
    """An event is one line of plain ASCII, whatever its texts hold."""
    line = replace(_BEGUN, camera="dö\nör\u2028").to_json()
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert json.loads(line)["camera"] == "dö\nör\u2028"


def test_document() -> None:
    """The JSON has the fields of the event, in their order, and the times as text."""
    assert _ENDED.to_json() == (
        '{"type":"end","id":"door-20240101T000000000000-1","seq":3,"camera":"door",'
        '"track":1,"emotion":"happy","score":0.9,"scores":{"happy":0.9,"sad":0.1},'
        '"started_at":"2024-01-01T12:30:00.250Z","at":"2024-01-01T12:30:01.000Z",'
        '"ended_at":"2024-01-01T12:31:00.000Z","dwell_seconds":0.75,"replayed":false,'
        '"model":"compact-1234"}'
    )


@given(
    moment=st.datetimes(
        min_value=datetime(1971, 1, 1),
        max_value=datetime(2200, 1, 1),
        timezones=st.sampled_from(
            [
                UTC,
                timezone(timedelta(hours=5, minutes=45)),
                timezone(-timedelta(hours=9)),
            ]
        ),
    )
)
def test_time(moment: datetime) -> None:
    """A time of any zone is told in UTC, to the millisecond, with a Z."""
    text = rfc3339(moment)
    assert len(text) == len("2024-01-01T12:30:00.250Z")
    assert text.endswith("Z")
    lost = moment - datetime.fromisoformat(text)
    assert timedelta(0) <= lost < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "end"},
        {"ended_at": "2024-01-01T12:31:00.000Z"},
        {"type": "update", "ended_at": "2024-01-01T12:31:00.000Z"},
        {"type": "begin"},
        {"seq": 0},
        {"seq": 1.5},
        {"track": 0},
        {"camera": ""},
        {"model": ""},
        {"emotion": ""},
        {"score": 1.01},
        {"score": "0.9"},
        {"scores": {"happy": 1.0}},
        {"scores": {"happy": 1.2, "sad": -0.2}},
        {"at": "2024-01-01T12:30:01.000+00:00"},
        {"at": "yesterdayZ"},
        {"started_at": None},
        {"replayed": None},
        {"colour": "red"},
    ],
    ids=str,
)
def test_wrong_event(change: dict[str, Any], event_judge: Draft202012Validator) -> None:
    """An event that contradicts itself, or is none, is rejected."""
    document = _document(_BEGUN)
    assert event_judge.is_valid(document)
    assert not event_judge.is_valid(document | change)


@pytest.mark.parametrize("key", list(_document(_BEGUN)))
def test_missing_key(key: str, event_judge: Draft202012Validator) -> None:
    """No key may be missing."""
    document = _document(_BEGUN)
    del document[key]
    assert not event_judge.is_valid(document)
