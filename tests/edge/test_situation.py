"""What the faces show now, as events tell it."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.events import Event, EventType
from fer_edge.situation import Situation
from mqtt_stage import event


def _event(kind: EventType, track: int, seq: int, emotion: str = "happy") -> Event:
    return event(seq, emotion, kind=kind, track=track, episode=f"door-{track}")


def _after(events: Sequence[Event]) -> Situation:
    situation = Situation()
    for one in events:
        situation = situation.after(one)
    return situation


def test_no_event() -> None:
    """Nobody is there and nothing leads."""
    assert Situation().ongoing == ()
    assert Situation().leading is None


def test_two_faces() -> None:
    """Each keeps its own; the later one leads, and after it the earlier one again."""
    first = _event(EventType.NEW, 1, 1, "happy")
    second = _event(EventType.NEW, 2, 2, "sad")
    both = _after([first, second])
    assert both.ongoing == (first, second)
    assert both.leading == second
    assert both.after(_event(EventType.END, 2, 3, "sad")).leading == first


def test_update_keeps_the_order() -> None:
    """News of the earlier face do not make it lead."""
    second = _event(EventType.NEW, 2, 2)
    update = _event(EventType.UPDATE, 1, 3)
    situation = _after([_event(EventType.NEW, 1, 1), second, update])
    assert situation.ongoing == (update, second)
    assert situation.leading == second


def test_beginning_never_seen() -> None:
    """An update of an unknown episode, as after a lost beginning, makes it known."""
    update = _event(EventType.UPDATE, 1, 3)
    assert _after([update]).leading == update
    assert _after([_event(EventType.END, 1, 3)]).ongoing == ()


@given(
    st.lists(st.tuples(st.sampled_from(EventType), st.integers(1, 4)), max_size=30),
)
def test_any_events(told: list[tuple[EventType, int]]) -> None:
    """Every episode is there once, by its last event, unless that was an end."""
    events = [_event(kind, track, seq) for seq, (kind, track) in enumerate(told, 1)]
    last = {one.id: one for one in events}
    going_on = {i: e for i, e in last.items() if e.type is not EventType.END}
    situation = _after(events)
    assert {one.id: one for one in situation.ongoing} == going_on
    assert len(situation.ongoing) == len(going_on)
