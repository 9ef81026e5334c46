"""Which events are sent, in which order, and how marked; time is given."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.outbox import Stored
from fer_edge.publishers.mqtt.delivery import Delivery
from mqtt_stage import ListOutbox, event


def _outbox(count: int) -> ListOutbox:
    outbox = ListOutbox()
    for seq in range(1, count + 1):
        outbox.put(event(seq))
    return outbox


def _seqs(sent: list[tuple[int, str]]) -> list[int]:
    return [json.loads(text)["seq"] for _, text in sent]


def _marks(sent: list[tuple[int, str]]) -> list[bool]:
    return [json.loads(text)["replayed"] for _, text in sent]


def test_room() -> None:
    """No more are on their way than there is room for, answered or not."""
    delivery = Delivery(_outbox(9), 60.0)
    delivery.begin(0.0)
    assert _seqs(delivery.next(3, 0, 0.0)) == [1, 2, 3]
    assert delivery.next(3, 3, 0.0) == []
    assert _seqs(delivery.next(3, 1, 0.0)) == [4, 5]


def test_stored_before_and_after_the_connection() -> None:
    """Only what was stored before it stood is marked."""
    outbox = ListOutbox([Stored(1, event(1).to_json(), 0.0)])
    outbox.put(event(2))
    delivery = Delivery(outbox, 60.0)
    delivery.begin(0.0)
    assert _marks(delivery.next(9, 0, 0.0)) == [True, False]


def test_event_otherwise_unchanged() -> None:
    """The mark is all that a late event differs by."""
    outbox = ListOutbox([Stored(1, event(1).to_json(), 0.0)])
    delivery = Delivery(outbox, 60.0)
    delivery.begin(0.0)
    ((_, text),) = delivery.next(9, 0, 0.0)
    assert text == event(1).to_json().replace('"replayed":false', '"replayed":true')


def test_sent_again() -> None:
    """After a lost connection the unconfirmed come again, in order, marked."""
    delivery = Delivery(_outbox(4), 60.0)
    delivery.begin(0.0)
    sent = delivery.next(3, 0, 0.0)
    delivery.taken([sent[1][0]])
    delivery.begin(0.0)
    again = delivery.next(9, 0, 0.0)
    assert _seqs(again) == [1, 3, 4]
    assert _marks(again) == [True, True, False]


def test_not_wanted_now() -> None:
    """All waits for the pause and for what is on its way; then it comes again."""
    delivery = Delivery(_outbox(3), 60.0)
    delivery.begin(0.0)
    sent = delivery.next(2, 0, 0.0)
    delivery.later(5.0)
    assert delivery.next(2, 1, 6.0) == []
    delivery.taken([sent[1][0]])
    assert delivery.next(2, 0, 64.0) == []
    again = delivery.next(2, 0, 65.0)
    assert _seqs(again) == [1, 3]
    assert _marks(again) == [True, False]


def test_never_wanted() -> None:
    """It is given up and counted; the others go on."""
    outbox = _outbox(2)
    delivery = Delivery(outbox, 60.0)
    delivery.begin(0.0)
    sent = delivery.next(2, 0, 0.0)
    delivery.never(sent[0][0])
    delivery.taken([sent[1][0]])
    assert (delivery.confirmed, delivery.refused) == (1, 1)
    assert delivery.done


def test_broker_that_hangs_up_on_an_event() -> None:
    """It is sent alone, a few times, and then given up; the next one is not blamed."""
    delivery = Delivery(_outbox(9), 60.0)
    given_up = []
    for most in (5, 1, 1, 1):
        delivery.begin(0.0)
        sent = delivery.next(5, 0, 0.0)
        assert _seqs(sent) == list(range(1, most + 1))
        given_up.append(delivery.hung_up([position for position, _ in sent]))
    assert given_up == [False, False, False, True]
    assert delivery.refused == 1
    delivery.begin(0.0)
    assert _seqs(delivery.next(5, 0, 0.0)) == [2, 3, 4, 5, 6]


def test_broker_that_is_killed_now_and_then() -> None:
    """No event is blamed for it: one that arrives clears the suspicion."""
    delivery = Delivery(_outbox(50), 60.0)
    while not delivery.done:
        delivery.begin(0.0)
        first = delivery.next(5, 0, 0.0)
        delivery.taken([position for position, _ in first])
        flying = delivery.next(5, 0, 0.0)
        delivery.hung_up([position for position, _ in flying])
    assert (delivery.confirmed, delivery.refused) == (50, 0)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=30))
def test_any_losses(rounds: list[tuple[int, int]]) -> None:
    """Whatever is lost on the way, every event arrives, first in order.

    Args:
        rounds: of each connection, how much it sends at most and what arrives of it.
    """
    outbox = _outbox(10)
    delivery = Delivery(outbox, 60.0)
    arrived: dict[int, bool] = {}
    for most, good in [*rounds, *[(5, 5)] * 10]:
        delivery.begin(0.0)
        sent = delivery.next(most, 0, 0.0)
        for _, text in sent[:good]:
            values = json.loads(text)
            # What came before, and was not confirmed, says so when it comes again.
            assert values["replayed"] or values["seq"] not in arrived
            arrived[values["seq"]] = True
        # The last confirmation is lost with the connection.
        delivery.taken([position for position, _ in sent[: max(0, good - 1)]])
        if good >= 5:
            delivery.taken([position for position, _ in sent])
    assert list(arrived) == sorted(arrived) == list(range(1, 11))
    assert delivery.done
