"""Where events go: lines of JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path

from fer_edge.events import Event, EventType
from fer_edge.publishers.json_lines import JsonLines

_EVENT = Event(
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


def test_lines(tmp_path: Path) -> None:
    """Each event is a line that can be read at once, and the stream stays open."""
    path = tmp_path / "events"
    with path.open("w") as stream:
        lines = JsonLines(stream)
        for count in (1, 2):
            lines.publish(_EVENT)
            written = path.read_text().splitlines(keepends=True)
            assert written == [_EVENT.to_json() + "\n"] * count
        lines.close()
        assert not stream.closed
    assert json.loads(written[1])["emotion"] == "happy"
