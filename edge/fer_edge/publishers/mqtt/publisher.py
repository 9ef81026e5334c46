"""Tells a broker of events and states, from a thread that nobody waits for."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from fer_edge.controls import Controls
from fer_edge.events import Event
from fer_edge.monitor import Status
from fer_edge.outbox import Outbox
from fer_edge.publishers.mqtt import BrokerState, messages
from fer_edge.publishers.mqtt.commands import Commands
from fer_edge.publishers.mqtt.connection import (
    LEAVE_SECONDS,
    Accepted,
    Answered,
    Arrived,
    BrokerError,
    Connection,
    HungUpError,
)
from fer_edge.publishers.mqtt.delivery import Delivery
from fer_edge.publishers.mqtt.discovery import birth_topic, discovery
from fer_edge.publishers.mqtt.messages import Availability, Message
from fer_edge.publishers.mqtt.news import Line, News
from fer_edge.publishers.mqtt.retries import Retries
from fer_edge.publishers.mqtt.session import Session
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings
from fer_edge.publishers.mqtt.tls import make_tls
from fer_edge.publishers.mqtt.waking import Waker
from fer_edge.situation import Situation

_LOGGER = logging.getLogger(__name__)

# How often the thread looks whether the status has changed.
_LOOK_SECONDS = 1.0
# A connection that has stood for so long no longer comes and goes.
_SETTLED_SECONDS = 300.0
# One frame can end an episode and begin the next. Between the two nobody is anything,
# which would be told as a state if it were looked at just then.
_SETTLE_SECONDS = 0.05
# For the last events to arrive, when the daemon ends.
_DRAIN_SECONDS = 5.0
# Behind them, for goodbye.
_GOODBYE_SECONDS = 1.0


class MqttPublisher:
    """Stores every event, and sends it when the broker takes it.

    Args:
        settings: the broker, and what it is told.
        home_assistant: whether that is told, too.
        outbox: holds events until they are confirmed.
        status: tells how the daemon is; may be called by any thread.
        controls: what messages may switch.

    Raises:
        ConfigurationError: a password or certificate that cannot be read.
    """

    def __init__(
        self,
        settings: MqttSettings,
        home_assistant: HomeAssistantSettings,
        outbox: Outbox,
        status: Callable[[], Status],
        controls: Controls,
    ) -> None:
        # Refused now rather than in the log, later.
        if settings.user:
            settings.password()
        if settings.tls:
            make_tls(settings)
        self._settings, self._home_assistant = settings, home_assistant
        self._outbox, self._status = outbox, status
        self._commands = Commands(settings.root, controls)
        longest = settings.longest_retry_seconds
        self._delivery = Delivery(outbox, longest)
        self._retries = Retries(settings.first_retry_seconds, longest)
        self._news = News(_SETTLED_SECONDS)
        self._complained = False
        self._refusals: set[tuple[str, str]] = set()
        self._discovery: Message | None = None
        self._settled = Situation()
        self._figures: Status | None = None
        self._figures_due = 0.0
        # Each is written by one thread alone, and read whole by another.
        self._situation = Situation()
        self._changed_at = -math.inf
        self._state = BrokerState(False, time.monotonic(), "not yet tried")
        self._failure: Exception | None = None
        self._close_by = 0.0
        self._closing = threading.Event()
        self._waker = Waker()
        # A look-up of the host's name may hang; the process must not, for it.
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def state(self) -> BrokerState:
        """How the connection stands; may be asked by any thread."""
        return replace(
            self._state,
            confirmed=self._delivery.confirmed,
            refused=self._delivery.refused,
        )

    def start(self) -> None:
        """Begin to connect; from now on ``status`` is called."""
        self._outbox.on_stored(self._waker.wake)
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Store an event and return at once.

        Raises:
            Exception: what has ended the thread: a mistake in here, no broker's.
        """
        if self._failure is not None:
            raise self._failure
        self._changed_at = time.monotonic()
        self._situation = self._situation.after(event)
        self._outbox.put(event)
        self._waker.wake()

    def close(self) -> None:
        """Send what waits, for a few seconds at most, say goodbye and disconnect.

        Between two tries to connect nothing is waited for: events stay stored.
        """
        self._close_by = time.monotonic() + _DRAIN_SECONDS
        self._closing.set()
        self._waker.wake()
        if not self._thread.is_alive():
            self._waker.close()
            return
        seconds = _GOODBYE_SECONDS + LEAVE_SECONDS
        if not self._delivery.done:
            seconds += _DRAIN_SECONDS
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            # A short run, too, has its try.
            self._try()
            while not self._closing.wait(self._retries.pause(time.monotonic())):
                self._try()
        # Not handled here but in the thread that publishes, whatever it is.
        except Exception as failure:
            self._failure = failure
            self._set_state(f"failed: {failure!r}")
            _LOGGER.exception("MQTT %s: the thread has failed", self._settings)
        finally:
            self._waker.close()

    def _try(self) -> None:
        """Connect, and stay connected as long as it lasts."""
        connection: Connection | None = None
        session: Session | None = None
        root = self._settings.root
        try:
            will = messages.availability(root, Availability.OFFLINE)
            connection = Connection(self._settings, will)
            session = Session(
                connection,
                self._delivery,
                root,
                self._settings.answer_seconds,
                self._note_refusal,
                time.monotonic(),
            )
            self._serve(connection, session)
        except BrokerError as failure:
            if session is not None:
                session.lost(hung_up=isinstance(failure, HungUpError))
            self._retries.failed(time.monotonic(), random.random())
            self._set_state(str(failure))
            self._say()
        finally:
            if connection is not None:
                connection.abandon()

    def _serve(self, connection: Connection, session: Session) -> None:
        while not self._is_over(session):
            self._take_in(connection, session, self._patience())
            now = time.monotonic()
            if session.accepted:
                self._show(session, now)
            session.send(now)
            if session.online and not self._state.connected:
                self._retries.connected(now)
                self._set_state("")
            self._say()
        if session.accepted:
            self._say_goodbye(connection, session)

    def _say_goodbye(self, connection: Connection, session: Session) -> None:
        session.end()
        until = time.monotonic() + _GOODBYE_SECONDS
        while not session.idle and (now := time.monotonic()) < until:
            session.send(now)
            self._take_in(connection, session, until - now)
        connection.leave(self._waker)

    def _is_over(self, session: Session) -> bool:
        """Tell whether the daemon ends, and nothing waits that could still be sent."""
        if not self._closing.is_set():
            return False
        drained = self._delivery.done and session.idle
        return drained or time.monotonic() >= self._close_by

    def _patience(self) -> float:
        """Return how long the broker may be waited for."""
        now = time.monotonic()
        if not self._closing.is_set():
            unsettled = self._changed_at + _SETTLE_SECONDS - now
            return unsettled if unsettled > 0.0 else _LOOK_SECONDS
        return max(0.0, min(_LOOK_SECONDS, self._close_by - now))

    def _take_in(
        self, connection: Connection, session: Session, seconds: float
    ) -> None:
        """Wait for the broker, or for something to send."""
        received = connection.exchange(seconds, self._waker)
        now = time.monotonic()
        for one in received:
            if isinstance(one, Accepted):
                session.accept(one, self._subscriptions(), now)
                self._figures_due = now
            elif isinstance(one, Arrived):
                self._hear(one, session)
        session.answer([one for one in received if isinstance(one, Answered)], now)

    def _subscriptions(self) -> list[str]:
        home = [birth_topic(self._home_assistant)]
        return (home if self._home_assistant.discovery else []) + (
            self._commands.topics if self._settings.commands else []
        )

    def _hear(self, arrived: Arrived, session: Session) -> None:
        if arrived.topic in self._commands.topics:
            self._commands.obey(arrived)
        elif arrived.payload == b"online" and not arrived.retained:
            # Home Assistant has started and knows nothing. Retained, it has done so
            # before this connection, by which all is told.
            session.forget()
            self._figures_due = 0.0

    def _show(self, session: Session, now: float) -> None:
        """Say what is now, and the figures when they are due."""
        settings, status = self._settings, self._status()
        if self._closing.is_set() or now - self._changed_at >= _SETTLE_SECONDS:
            self._settled = self._situation
        told = messages.shown(
            settings.root, self._settled, status, commands=settings.commands
        )
        if self._home_assistant.discovery:
            if self._discovery is None:
                about = status.about
                self._discovery = discovery(self._home_assistant, settings, about)
            told.insert(0, self._discovery)
        session.show(told)
        if session.online and now >= self._figures_due:
            session.tell(messages.stats(settings.root, status, self._figures))
            self._figures = status
            self._figures_due = now + settings.stats_seconds

    def _note_refusal(self, topic: str, why: str) -> None:
        if (topic, why) not in self._refusals:
            self._refusals.add((topic, why))
            _LOGGER.warning("MQTT %s: not taken by the broker: %s", topic, why)

    def _set_state(self, reason: str) -> None:
        """Note how the connection stands; empty for well."""
        now, connected = time.monotonic(), not reason
        since = self._state.since if connected == self._state.connected else now
        self._state = BrokerState(connected, since, reason)
        self._news.note(Line(connected, reason or "connected"), now)

    def _say(self) -> None:
        line = self._news.due(time.monotonic())
        if line is None:
            return
        if line.connected:
            # As loud as the complaint that it ends.
            level = logging.WARNING if self._complained else logging.INFO
            _LOGGER.log(level, "MQTT %s: connected", self._settings)
        else:
            self._complained = True
            _LOGGER.warning(
                "MQTT %s: %s; trying again until it works", self._settings, line.text
            )
