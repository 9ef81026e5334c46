"""What is said on one connection, and in which order; time and answers are given."""

from collections.abc import Sequence

import pytest

from fer_edge.publishers.mqtt.connection import Accepted, Answered, BrokerError
from fer_edge.publishers.mqtt.delivery import Delivery
from fer_edge.publishers.mqtt.messages import Availability, Message
from fer_edge.publishers.mqtt.session import Session
from mqtt_stage import ListOutbox, event

_EVERYTHING = Accepted(65_535, 2**28)


class _Wire:
    """A sender of which nothing is answered but what a test answers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        """Topics, and payloads of ``available``; all that is subscribed to."""

    def publish(self, message: Message) -> int:
        topic = message.topic.removeprefix("r/")
        said = message.payload if topic == "available" else topic
        self.said.append(str(said))
        return len(self.said)

    def subscribe(self, topics: Sequence[str]) -> int:
        self.said.append(" ".join(topics))
        return len(self.said)


class _Talk:
    """A session whose broker answers when it is told to."""

    def __init__(self, events: int = 0) -> None:
        self.wire = _Wire()
        self.outbox = ListOutbox()
        for seq in range(1, events + 1):
            self.outbox.put(event(seq))
        self.refused: list[tuple[str, str]] = []
        self.delivery = Delivery(self.outbox, 60.0)
        self.session = Session(
            self.wire,
            self.delivery,
            "r",
            10.0,
            lambda topic, why: self.refused.append((topic, why)),
            now=0.0,
        )
        self._answered = 0

    def answer(self, code: int = 0, *, now: float = 0.0) -> list[str]:
        """Answer everything, and return what is said upon it."""
        answers = [
            Answered(number, code, "No" if code else "Success")
            for number in range(self._answered + 1, len(self.wire.said) + 1)
        ]
        self._answered = len(self.wire.said)
        self.session.answer(answers, now)
        self.session.send(now)
        return self.wire.said[self._answered :]


def test_before_the_broker_has_accepted() -> None:
    """Nothing is said."""
    talk = _Talk(events=1)
    talk.session.show([Message("r/status", "{}")])
    talk.session.send(0.0)
    assert talk.wire.said == []


def test_order() -> None:
    """One thing after the other has been answered: states, online, events."""
    talk = _Talk(events=2)
    talk.session.accept(_EVERYTHING, ["r/detect/set"], 0.0)
    talk.session.show([Message("r/status", "{}"), Message("r/faces", "0")])
    talk.session.send(0.0)
    assert talk.wire.said == ["r/detect/set", "status", "faces"]
    online = [talk.session.online]
    assert talk.answer() == ["online"]
    online.append(talk.session.online)
    assert talk.answer() == ["events", "events"]
    online.append(talk.session.online)
    assert online == [False, False, True]
    assert talk.answer() == []
    assert talk.delivery.done


def test_states_that_have_not_changed() -> None:
    """They are not said again, the others are."""
    talk = _Talk()
    talk.session.accept(_EVERYTHING, [], 0.0)
    talk.session.show([Message("r/status", "{}"), Message("r/faces", "0")])
    talk.session.send(0.0)
    talk.answer()
    talk.session.show([Message("r/status", "{}"), Message("r/faces", "1")])
    assert talk.answer() == ["faces"]


def test_somebody_has_missed_it() -> None:
    """All is said again, online once more behind it; events wait for that, too."""
    talk = _Talk()
    states = [Message("r/status", "{}"), Message("r/faces", "0")]
    talk.session.accept(_EVERYTHING, [], 0.0)
    talk.session.show(states)
    talk.session.send(0.0)
    talk.answer()
    talk.answer()
    talk.outbox.put(event(1))
    talk.session.forget()
    talk.session.show(states)
    assert talk.answer() == ["status", "faces"]
    assert talk.answer() == ["online", "events"]


@pytest.mark.parametrize(("most", "flying"), [(3, 3), (65_535, 20)])
def test_most_that_may_be_on_their_way(most: int, flying: int) -> None:
    """It is the broker's limit, or ours."""
    talk = _Talk(events=99)
    talk.session.accept(Accepted(most, 2**28), [], 0.0)
    talk.session.show([Message(f"r/{number}", "") for number in range(50)])
    talk.session.send(0.0)
    assert len(talk.wire.said) == flying
    while "online" not in talk.answer():
        pass
    assert len(talk.answer()) == flying


@pytest.mark.parametrize("word", [Availability.STOPPED, Availability.OFFLINE])
def test_end(word: Availability) -> None:
    """It is the last word, whatever else there may be to say."""
    talk = _Talk(events=9)
    talk.session.accept(_EVERYTHING, [], 0.0)
    talk.session.show([Message("r/status", "{}")])
    talk.session.end(word)
    talk.session.send(0.0)
    assert talk.wire.said == ["status", word]
    assert talk.answer() == []
    assert talk.session.idle


def test_no_answer() -> None:
    """It is waited for as long as is set, to a connection or to a message."""
    talk = _Talk()
    talk.session.send(10.0)
    with pytest.raises(BrokerError, match="no answer within 10 s"):
        talk.session.send(10.1)
    talk.session.accept(_EVERYTHING, [], 20.0)
    talk.session.show([Message("r/status", "{}")])
    talk.session.send(20.0)
    talk.session.send(30.0)
    with pytest.raises(BrokerError, match="no answer within 10 s"):
        talk.session.send(30.1)


def test_subscription_that_is_refused() -> None:
    """That nobody hears it is told of; all else goes on."""
    talk = _Talk(events=1)
    talk.session.accept(_EVERYTHING, ["r/detect/set", "r/preview/set"], 0.0)
    assert talk.answer(0x87) == ["online"]
    assert talk.refused == [("r/detect/set, r/preview/set", "no")]
    assert talk.answer() == ["events"]


def test_state_that_is_refused() -> None:
    """So it is with a state."""
    talk = _Talk()
    talk.session.accept(_EVERYTHING, [], 0.0)
    talk.session.show([Message("r/status", "{}")])
    talk.session.send(0.0)
    assert talk.answer(0x87) == ["online"]
    assert talk.refused == [("r/status", "no")]


def test_connection_that_is_lost() -> None:
    """Events on their way are to blame only if the broker hung up, states never."""
    for hung_up, refused in ((False, 0), (True, 1)):
        talk = _Talk(events=1)
        for _ in range(4):
            session = Session(
                talk.wire, talk.delivery, "r", 10.0, lambda *_: None, now=0.0
            )
            session.accept(_EVERYTHING, [], 0.0)
            session.send(0.0)
            assert talk.wire.said[-1] == "online"
            session.answer([Answered(len(talk.wire.said), 0, "")], 0.0)
            session.send(0.0)
            assert talk.wire.said[-1] == "events"
            session.lost(hung_up=hung_up)
        assert talk.delivery.refused == refused
