"""One connection to a broker, from its opening to its loss, by paho-mqtt."""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_contract.errors import FerError
from fer_edge.errors import ConfigurationError
from fer_edge.publishers.mqtt import reasons
from fer_edge.publishers.mqtt.messages import Message
from fer_edge.publishers.mqtt.settings import MqttSettings
from fer_edge.publishers.mqtt.tls import TlsSocket, make_tls
from fer_edge.publishers.mqtt.waking import Waker

if TYPE_CHECKING:
    from paho.mqtt.client import Client

LEAVE_SECONDS = 1.0
"""For the last packet to leave."""


class BrokerError(FerError):
    """No connection, or none any more; the message says why, without a password."""


class HungUpError(BrokerError):
    """The broker has broken it off, perhaps for what it was sent."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has taken the connection."""

    most_flying: int
    """Messages that it takes before it has answered the first of them."""
    most_bytes: int
    """Of a packet."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The broker has answered a message or a subscription."""

    number: int
    code: int
    """128 and above mean that it did not take it."""
    name: str
    """Of the code."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message has come."""

    topic: str
    payload: bytes
    retained: bool
    """Sent before this connection stood."""


Received = Accepted | Answered | Arrived


class Connection:
    """Everything is done in the calls of its one thread; nothing in between.

    So paho needs no thread of its own, and what it calls back needs no lock. Its queue
    and its reconnecting are not used either: they keep no order, and do not mark what
    they send again.

    Args:
        settings: where and how.
        will: that the broker sends when the connection is lost.

    Raises:
        BrokerError: there is none, after ``answer_seconds`` at the latest for each of
            the host's addresses.
    """

    def __init__(self, settings: MqttSettings, will: Message) -> None:
        self._received: list[Received] = []
        self._loss: BrokerError | None = None
        self._socket: socket.socket | None = None
        self._answer_seconds = settings.answer_seconds
        self._accepted = False
        self._five = settings.protocol == "5"
        self._client = self._make_client(settings, will)
        try:
            self._client.connect(
                settings.host, settings.number_of_port, settings.keep_alive_seconds
            )
        # A host name that cannot be one is a ValueError.
        except (OSError, ValueError) as failure:
            reason = reasons.of_failure(failure, settings.answer_seconds)
            raise BrokerError(reason) from failure
        if self._client.socket() is None:
            raise self._lost()

    def publish(self, message: Message) -> int:
        """Send a message; return the number by which it is answered."""
        payload = message.payload.encode()
        sent = self._client.publish(
            message.topic, payload, int(message.answered), message.retained
        )
        return sent.mid

    def subscribe(self, topics: Sequence[str]) -> int:
        """Have messages of these topics arrive; return the number of the answer."""
        number = self._client.subscribe([(topic, 1) for topic in topics])[1]
        # None for a topic that is none, which ours are not.
        assert number is not None
        return number

    def exchange(self, seconds: float, waker: Waker) -> list[Received]:
        """Send and receive what can be; wait for so long, or until woken.

        Raises:
            BrokerError: the connection is lost.
        """
        client, opened = self._client, self._socket
        if opened is None or client.socket() is None:
            raise self._lost()
        readable = self._wait(opened, seconds, waker)
        waker.clear()
        if readable:
            try:
                client.loop_read()
            # Whatever paho trips over in a packet that is none.
            except Exception as failure:
                raise HungUpError("its answer makes no sense") from failure
        if client.want_write():
            client.loop_write()
        client.loop_misc()
        received, self._received = self._received, []
        if not received and client.socket() is None:
            raise self._lost()
        return received

    def leave(self, waker: Waker) -> None:
        """Say goodbye, so that the last will is not sent."""
        self._client.disconnect()
        until = time.monotonic() + LEAVE_SECONDS
        with contextlib.suppress(BrokerError):
            while (now := time.monotonic()) < until:
                self.exchange(until - now, waker)

    def abandon(self) -> None:
        """Let go of it without a word, as if it were lost; the will is sent."""
        if self._socket is not None:
            self._socket.close()

    def _make_client(self, settings: MqttSettings, will: Message) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        version = MQTTProtocolVersion
        client = Client(
            CallbackAPIVersion.VERSION2,
            settings.name_of_client,
            protocol=version.MQTTv5 if self._five else version.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = settings.answer_seconds
        client.will_set(will.topic, will.payload, int(will.answered), will.retained)
        # Read anew for each connection, as certificates are: they may be renewed.
        try:
            if settings.user:
                client.username_pw_set(settings.user, settings.password())
            if settings.tls:
                client.tls_set_context(make_tls(settings))
        except ConfigurationError as mistake:
            raise BrokerError(str(mistake)) from mistake
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _wait(self, opened: socket.socket, seconds: float, waker: Waker) -> bool:
        """Wait for something to do; return whether there is something to read."""
        # Read from the network already, and not yet by us: poll knows nothing of it.
        if isinstance(opened, ssl.SSLSocket) and opened.pending():
            return True
        poll = select.poll()
        poll.register(waker, select.POLLIN)
        writing = select.POLLOUT if self._client.want_write() else 0
        poll.register(opened, select.POLLIN | writing)
        ready = dict(poll.poll(seconds * 1000.0))
        return bool(ready.get(opened.fileno(), 0) & ~select.POLLOUT)

    def _lost(self) -> BrokerError:
        return self._loss or BrokerError("connection lost")

    def _on_socket_open(self, _client: Any, _data: Any, opened: Any) -> None:
        self._socket = opened
        # Small packets leave at once, though others are not yet acknowledged.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            text = reasons.of_refusal(reason.value, reason.getName())
            self._loss = BrokerError(text)
            return
        self._accepted = True
        most_flying = getattr(properties, "ReceiveMaximum", 65_535)
        most_bytes = getattr(properties, "MaximumPacketSize", 2**28)
        self._received.append(Accepted(most_flying, most_bytes))

    def _on_disconnect(
        self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any
    ) -> None:
        if self._loss is None:
            by_broker = flags.is_disconnect_packet_from_server
            self._loss = self._explain(by_broker, reason.value, reason.getName())

    def _explain(self, by_broker: bool, code: int, name: str) -> BrokerError:
        if isinstance(self._socket, TlsSocket) and self._socket.failure:
            failure = self._socket.failure
            return BrokerError(reasons.of_failure(failure, self._answer_seconds))
        if by_broker:
            text = reasons.of_goodbye(code, name)
            return HungUpError(text) if reasons.blames(code) else BrokerError(text)
        if not self._accepted:
            return BrokerError(reasons.NO_WORD)
        if code == reasons.KEEP_ALIVE:
            return BrokerError("no answer when asked whether it is there")
        if code == reasons.PROTOCOL_ERROR:
            return HungUpError("its answer makes no sense")
        # In MQTT 5 a broker says what it cannot bear, before it hangs up for it.
        lost = "connection lost"
        return BrokerError(lost) if self._five else HungUpError(lost)

    def _on_publish(
        self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any
    ) -> None:
        self._received.append(Answered(number, reason.value, reason.getName()))

    def _on_subscribe(
        self, _client: Any, _data: Any, number: int, codes: Any, _properties: Any
    ) -> None:
        worst = max(codes, key=lambda code: code.value)
        self._received.append(Answered(number, worst.value, worst.getName()))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        self._received.append(Arrived(message.topic, message.payload, message.retain))
