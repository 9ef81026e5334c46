"""What is said to a broker on one connection, and in which order."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fer_edge.publishers.mqtt import reasons
from fer_edge.publishers.mqtt.connection import Accepted, Answered, BrokerError
from fer_edge.publishers.mqtt.delivery import Delivery
from fer_edge.publishers.mqtt.messages import (
    Availability,
    Message,
    Topic,
    availability,
    event_message,
)

# Enough to keep a broker busy over a slow line, and little to send again.
_MOST_FLYING = 20
# Of a packet, beside topic and payload: more than it ever is.
_HEADER_BYTES = 16


class Sender(Protocol):
    """Takes messages to the broker."""

    def publish(self, message: Message) -> int:
        """Send a message; return the number by which it is answered."""

    def subscribe(self, topics: Sequence[str]) -> int:
        """Have messages of these topics arrive; return the number of the answer."""


@dataclass(frozen=True, slots=True)
class _Flying:
    """What is on its way, not yet answered."""

    topic: str
    position: int | None
    """Of an event; None for anything else."""
    since: float


class Session:
    """First what is now, then "online", then what is stored.

    Args:
        sender: the connection.
        delivery: the events.
        root: what topics begin with.
        answer_seconds: longest time for an answer.
        refused: told of a topic that the broker does not allow, and why.
        now: steady time.
    """

    def __init__(
        self,
        sender: Sender,
        delivery: Delivery,
        root: str,
        answer_seconds: float,
        refused: Callable[[str, str], None],
        now: float,
    ) -> None:
        self._sender, self._delivery, self._root = sender, delivery, root
        self._events_topic = f"{root}/{Topic.EVENTS}"
        self._answer_seconds = answer_seconds
        self._refused = refused
        self._opened = now
        self._accepted: Accepted | None = None
        self._queue: deque[Message] = deque()
        self._flying: dict[int, _Flying] = {}
        self._said: dict[str, str] = {}
        """What the broker was last told, a topic."""
        self._announced = False
        self._ending = False
        self.online = False
        """Whether the broker has all that is now, and that it is so."""

    @property
    def accepted(self) -> bool:
        """Whether the broker has taken the connection."""
        return self._accepted is not None

    @property
    def idle(self) -> bool:
        """Whether everything that was said has been answered."""
        return not self._queue and not self._flying

    def accept(self, accepted: Accepted, topics: Sequence[str], now: float) -> None:
        """Begin, as the broker has taken the connection.

        Args:
            accepted: what it takes.
            topics: to be listened to.
            now: steady time.
        """
        self._accepted = accepted
        self._delivery.begin(now)
        if topics:
            number = self._sender.subscribe(topics)
            self._flying[number] = _Flying(", ".join(topics), None, now)

    def show(self, messages: Sequence[Message]) -> None:
        """Say what is now, as far as it has changed."""
        for message in messages:
            if self._said.get(message.topic) != message.payload:
                self._said[message.topic] = message.payload
                self._queue.append(message)

    def forget(self) -> None:
        """Say everything again with the next ``show``: somebody has missed it."""
        self._said.clear()
        self._announced = False

    def tell(self, message: Message) -> None:
        """Say something."""
        self._queue.append(message)

    def end(self, word: Availability) -> None:
        """Say that the device stops or is lost, and nothing more behind it."""
        self._ending = True
        self._queue.append(availability(self._root, word))

    def answer(self, answers: Sequence[Answered], now: float) -> None:
        """Take in what the broker has answered."""
        taken = []
        for answer in answers:
            flying = self._flying.pop(answer.number, None)
            if flying is None:
                continue
            verdict = reasons.verdict(answer.code)
            if verdict is not reasons.Verdict.TAKEN:
                self._refused(flying.topic, answer.name.lower())
            if flying.position is None:
                continue
            if verdict is reasons.Verdict.TAKEN:
                taken.append(flying.position)
            elif verdict is reasons.Verdict.NEVER:
                self._delivery.never(flying.position)
            else:
                self._delivery.later(now)
        self._delivery.taken(taken)

    def send(self, now: float) -> None:
        """Send what may be sent now.

        Raises:
            BrokerError: the broker does not answer.
        """
        asked = min((one.since for one in self._flying.values()), default=now)
        if self._accepted is None:
            asked = self._opened
        if now - asked > self._answer_seconds:
            raise BrokerError(f"no answer within {self._answer_seconds:g} s")
        if self._accepted is None:
            return
        most = min(_MOST_FLYING, self._accepted.most_flying)
        if self.idle and not self._ending:
            if self._announced:
                self.online = True
            else:
                self._announced = True
                self._queue.append(availability(self._root, Availability.ONLINE))
        while self._queue and len(self._flying) < most:
            self._publish(self._queue.popleft(), None, now)
        if self._announced and self.online and not self._ending and not self._queue:
            self._send_events(most, self._accepted.most_bytes, now)

    def lost(self, *, hung_up: bool) -> None:
        """Note that the connection is lost.

        Args:
            hung_up: the broker has done it, perhaps for what it was sent.
        """
        flying = [one.position for one in self._flying.values()]
        events = [position for position in flying if position is not None]
        if hung_up and self._delivery.hung_up(events):
            self._refused(self._events_topic, "it hangs up on one")

    def _send_events(self, most: int, most_bytes: int, now: float) -> None:
        room = most_bytes - len(self._events_topic.encode()) - _HEADER_BYTES
        for position, text in self._delivery.next(most, len(self._flying), now):
            if len(text.encode()) > room:
                self._refused(self._events_topic, f"more than {most_bytes} bytes")
                self._delivery.never(position)
            else:
                self._publish(event_message(self._root, text), position, now)

    def _publish(self, message: Message, position: int | None, now: float) -> None:
        number = self._sender.publish(message)
        if message.answered:
            self._flying[number] = _Flying(message.topic, position, now)
