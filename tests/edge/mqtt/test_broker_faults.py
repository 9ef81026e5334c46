"""Brokers that refuse, hang, lie or are not there."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import Broker, Watcher, await_that, program
from fer_edge.errors import ConfigurationError
from fer_edge.publishers.mqtt.settings import MqttSettings
from mqtt_stage import HASTY, ROOT, DeviceStage, event
from relay import Relay

_VARIABLE = "FER_EDGE_MQTT_PASSWORD"
_PASSWORD = "open sesame"
_LONG_NAME = "x" * 2000


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets in nobody but ann."""
    passwords = tmp_path / "passwords"
    tool = program("mosquitto_passwd", "mosquitto")
    subprocess.run([tool, "-b", "-c", passwords, "ann", _PASSWORD], check=True)
    with Broker(tmp_path, [f"password_file {passwords}"]) as broker:
        yield broker


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says, without the broker's address."""
    return [
        message.partition(": ")[2]
        for message in caplog.messages
        if message.startswith("MQTT 127.0.0.1")
    ]


def _trying(reason: str) -> str:
    return f"{reason}; trying again until it works"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_wrong_password(
    guarded: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """It is told of once, however often it is tried; a mended file is enough."""
    caplog.set_level("INFO")
    file = tmp_path / "password"
    file.write_text("wrong horse\n")
    file.chmod(0o600)
    settings = replace(
        HASTY,
        port=guarded.port,
        protocol=protocol,
        user="ann",
        password_file=str(file),
    )
    with DeviceStage(settings) as device:
        await_that(lambda: guarded.log.count("New connection") >= 6)
        assert _lines(caplog) == [_trying("user or password refused (not authorized)")]
        assert device.publisher.state.reason == (
            "user or password refused (not authorized)"
        )
        file.write_text(f"{_PASSWORD}\n")
        await_that(lambda: device.connected)
    assert _lines(caplog)[1:] == ["connected"]
    assert "horse" not in caplog.text
    assert "sesame" not in caplog.text


def test_password_of_the_environment(
    guarded: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves where no file is named."""
    monkeypatch.setenv(_VARIABLE, _PASSWORD)
    with DeviceStage(replace(HASTY, port=guarded.port, user="ann")) as device:
        await_that(lambda: device.connected)


def test_password_that_cannot_be_read() -> None:
    """The daemon does not start without it."""
    settings = replace(HASTY, user="ann", password_file="/nowhere/password")
    with pytest.raises(ConfigurationError, match=r"/nowhere/password: No such file"):
        DeviceStage(settings)


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """It is told of once; events wait."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings = replace(HASTY, port=closed.getsockname()[1])
        with DeviceStage(settings) as device:
            device.publish(range(1, 101))
            await_that(lambda: _lines(caplog))
    assert _lines(caplog) == [_trying("connection refused; no broker listens there")]
    assert len(device.outbox.events) == 100


def test_name_that_no_host_can_have(caplog: pytest.LogCaptureFixture) -> None:
    """It is told of once, in words; no look-up leaves the machine for it."""
    with DeviceStage(replace(HASTY, host="x" * 70)):
        await_that(lambda: caplog.messages)
    (line,) = caplog.messages
    assert line.endswith(_trying("no such host"))


def test_port_that_accepts_and_never_answers(caplog: pytest.LogCaptureFixture) -> None:
    """It is left after the time for an answer, and tried again; told of once."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        settings = replace(HASTY, port=port, answer_seconds=0.5)
        with DeviceStage(settings) as device:
            taken = [mute.accept()[0] for _ in range(3)]
            assert not device.connected
        for one in taken:
            one.close()
    assert _lines(caplog) == [_trying("no answer within 0.5 s")]


def test_something_else_than_a_broker(caplog: pytest.LogCaptureFixture) -> None:
    """An answer that makes no sense ends the connection, not the thread."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        DeviceStage(replace(HASTY, port=other.getsockname()[1])),
    ):
        for nonsense in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 99, b"  "):
            taken = other.accept()[0]
            taken.sendall(nonsense)
            taken.close()
        other.accept()[0].close()
    assert caplog.messages
    assert all("trying again" in message for message in caplog.messages)


def test_broker_of_3_1_1_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What to set is told, where it speaks no MQTT 5."""
    with (
        socket.create_server(("127.0.0.1", 0)) as old,
        DeviceStage(replace(HASTY, port=old.getsockname()[1])),
    ):
        taken = old.accept()[0]
        taken.recv(1000)
        # "Unacceptable protocol version", as MQTT 3.1.1 says it.
        taken.sendall(b"\x20\x02\x00\x01")
        await_that(lambda: caplog.messages)
        taken.close()
    assert 'set mqtt.protocol = "3.1.1"' in caplog.messages[0]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_broker_that_hangs(
    broker: Broker, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """It is left after the time for an answer; all arrives when it is well again."""
    settings = replace(HASTY, port=broker.port, protocol=protocol, answer_seconds=1.0)
    with DeviceStage(settings) as device, Watcher(broker.port) as watcher:
        await_that(lambda: device.connected)
        broker.freeze()
        device.publish(range(1, 101))
        await_that(lambda: not device.connected)
        assert len(device.outbox.events) == 100
        broker.thaw()
        await_that(lambda: not device.outbox.events)
        await_that(lambda: len(set(watcher.of(f"{ROOT}/events"))) >= 100)
    seqs = [json.loads(text)["seq"] for text in watcher.of(f"{ROOT}/events")]
    assert list(dict.fromkeys(seqs)) == list(range(1, 101))
    assert _lines(caplog) == [_trying("no answer within 1 s")]


def test_broker_that_hangs_while_nothing_is_sent(broker: Broker) -> None:
    """The keep-alive finds it out."""
    settings = replace(HASTY, port=broker.port, keep_alive_seconds=1)
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        broker.freeze()
        await_that(lambda: not device.connected)
        assert device.publisher.state.reason == (
            "no answer when asked whether it is there"
        )
        broker.thaw()


def test_end_while_the_broker_hangs(broker: Broker) -> None:
    """The daemon ends all the same, and what waits stays stored."""
    settings = replace(HASTY, port=broker.port, answer_seconds=0.5)
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        broker.freeze()
        device.publish(range(1, 101))
    assert len(device.outbox.events) == 100
    broker.thaw()


def test_wire_that_is_cut(broker: Broker, settings: MqttSettings) -> None:
    """A cable pulled out is found out as a broker that hangs is."""
    hasty = replace(settings, answer_seconds=0.5)
    with (
        Relay(broker.port) as relay,
        DeviceStage(replace(hasty, port=relay.port)) as device,
    ):
        await_that(lambda: device.connected)
        relay.swallows.set()
        device.publish([1])
        await_that(lambda: not device.connected)
        relay.swallows.clear()
        await_that(lambda: not device.outbox.events)


def test_two_devices_of_one_name(
    settings: MqttSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Each throws the other out for ever; the log stays short."""
    with DeviceStage(settings) as one, Relay(settings.port) as relay:
        with DeviceStage(replace(settings, port=relay.port)):
            await_that(lambda: relay.accepted >= 8)
        await_that(lambda: one.connected)
    assert 0 < len(caplog.messages) <= 8


@pytest.mark.parametrize(
    ("protocol", "limit"),
    [
        # Told with the connection.
        ("5", "max_packet_size 1500"),
        # It answers the event by a code that paho takes for nonsense.
        ("5", "message_size_limit 1500"),
        # It hangs up.
        ("3.1.1", "max_packet_size 1500"),
    ],
)
def test_event_too_large_for_the_broker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str, limit: str
) -> None:
    """It is given up, counted and told of; those behind it arrive."""
    with Broker(tmp_path, [limit]) as broker, Watcher(broker.port) as watcher:
        settings = replace(HASTY, port=broker.port, protocol=protocol)
        with DeviceStage(settings) as device:
            device.publisher.publish(event(1, episode=_LONG_NAME))
            device.publish(range(2, 11))
            await_that(lambda: not device.outbox.events)
            await_that(lambda: len(set(watcher.of(f"{ROOT}/events"))) >= 9)
            assert device.publisher.state.refused == 1
    seqs = [json.loads(text)["seq"] for text in watcher.of(f"{ROOT}/events")]
    assert list(dict.fromkeys(seqs)) == list(range(2, 11))
    assert caplog.text.count(f"MQTT {ROOT}/events: not taken by the broker") == 1


def test_events_that_are_not_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They are kept until the rights are mended; that is told of once."""
    rights = tmp_path / "rights"
    rest = f"topic readwrite {ROOT}/available\ntopic read #\n"
    rights.write_text(rest)
    with (
        Broker(tmp_path, [f"acl_file {rights}"]) as broker,
        Watcher(broker.port) as watcher,
        DeviceStage(replace(HASTY, port=broker.port)) as device,
    ):
        device.publish([1, 2, 3])
        await_that(lambda: f"{ROOT}/events" in caplog.text)
        assert len(device.outbox.events) == 3
        rights.write_text(f"{rest}topic readwrite {ROOT}/#\n")
        os.kill(broker.pid, signal.SIGHUP)
        await_that(lambda: not device.outbox.events)
        await_that(lambda: len(watcher.of(f"{ROOT}/events")) >= 3)
    events = [json.loads(text) for text in watcher.of(f"{ROOT}/events")]
    assert [(one["seq"], one["replayed"]) for one in events] == [
        (1, True), (2, True), (3, True),
    ]  # fmt: skip
    line = f"MQTT {ROOT}/events: not taken by the broker: not authorized"
    assert caplog.messages.count(line) == 1


def test_mistake_of_ours(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    """It ends the daemon, for systemd to start it anew, and is not passed over."""
    device = DeviceStage(replace(HASTY, port=broker.port))
    device.monitor = None  # type: ignore[assignment]
    device.publisher.start()
    await_that(lambda: caplog.messages)
    with pytest.raises(AttributeError):
        device.publish([1])
    assert not device.connected
    device.publisher.close()


def test_end_while_a_connection_is_opened() -> None:
    """The daemon does not wait for it where nothing waits to be sent."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = replace(HASTY, port=mute.getsockname()[1], answer_seconds=600.0)
        with DeviceStage(settings) as device:
            taken = mute.accept()[0]
        assert not device.connected
        taken.close()
