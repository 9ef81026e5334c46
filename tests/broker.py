"""A real mosquitto on loopback, which can be killed, stopped and started again."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

_LONG = 180.0  # seconds; a deadline, not what anything here takes
_POLL = 0.01


def program(name: str, package: str) -> str:
    """Return the path of a program, or skip the test."""
    # Debian keeps the broker where only root looks.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def await_that(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until something is so."""
    until = time.monotonic() + _LONG
    while not condition():
        assert time.monotonic() < until, f"in vain waited for: {what}"
        time.sleep(_POLL)


class Broker:
    """A mosquitto, running from the beginning of the block to its end.

    Args:
        folder: for its configuration and its log.
        lines: more of its configuration.
        listener: more of it, for the listener.
    """

    def __init__(
        self, folder: Path, lines: Sequence[str] = (), listener: Sequence[str] = ()
    ) -> None:
        self._program = program("mosquitto", "mosquitto")
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._configuration = folder / "mosquitto.conf"
        # Else it gives up root, and with it the right to read these files.
        user = ["user root"] if os.geteuid() == 0 else []
        anonymous = [] if any("password" in line for line in lines) else ["true"]
        given = [f"allow_anonymous {word}" for word in anonymous]
        first = [*user, *lines, *given, f"listener {self.port} 127.0.0.1", *listener]
        self._configuration.write_text("\n".join(first) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Number of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-v", "-c", self._configuration],
                stdout=log,
                stderr=log,
            )
        await_that(self._listens, "mosquitto")

    def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Have it do nothing, connections open (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A message, as somebody else sees it."""

    topic: str
    payload: str
    retained: bool


class Watcher:
    """Another client, which sees what is sent, in order.

    Args:
        broker: its port on loopback.
        topics: to be seen; all if not given.
        user: name and password.
    """

    def __init__(
        self, broker: int, topics: str = "#", user: tuple[str, str] | None = None
    ) -> None:
        self._topics = topics
        self._messages: list[Seen] = []
        self._subscribed = threading.Event()
        self._ended = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311
        )
        if user is not None:
            self._client.username_pw_set(*user)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.connect("127.0.0.1", broker)
        self._client.loop_start()
        assert self._subscribed.wait(_LONG)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # They hold this object, and it the client, which closes the last of its sockets
        # when it is forgotten: at once, and not by chance in some other test.
        self._client.on_connect = None
        self._client.on_subscribe = None
        self._client.on_message = None
        self._client.on_disconnect = None

    @property
    def messages(self) -> list[Seen]:
        """All that came so far."""
        return list(self._messages)

    def of(self, topic: str) -> list[str]:
        """Return the payloads of a topic so far."""
        return [seen.payload for seen in self.messages if seen.topic == topic]

    def send(self, topic: str, payload: str | bytes, *, retained: bool = False) -> None:
        """Send a message, and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retained).wait_for_publish(_LONG)

    def await_end(self) -> None:
        """Wait until all is read that a broker has sent before it died."""
        assert self._ended.wait(_LONG)

    def await_payload(self, topic: str, payload: str, times: int = 1) -> None:
        """Wait until a topic has had a payload, so many times."""
        await_that(lambda: self.of(topic).count(payload) >= times, f"{topic} {payload}")

    def _on_connect(self, client: Client, *_rest: Any) -> None:
        # QoS 0: the broker passes on at once, without a queue to be lost with it.
        client.subscribe(self._topics)

    def _on_subscribe(self, *_rest: Any) -> None:
        self._subscribed.set()

    def _on_disconnect(self, *_rest: Any) -> None:
        self._ended.set()

    def _on_message(self, _client: Client, _data: Any, message: Any) -> None:
        seen = Seen(message.topic, message.payload.decode(), message.retain)
        self._messages.append(seen)
