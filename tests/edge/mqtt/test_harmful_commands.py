"""Whatever others send to the ``set`` topics, through a real broker."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as drawing

import fuzz_texts
from broker import Broker, Watcher, await_that
from fer_edge.publishers.mqtt.connection import Arrived
from fer_edge.publishers.mqtt.settings import MqttSettings
from mqtt_stage import ROOT, DeviceStage

_DETECT = f"{ROOT}/detect/set"
_PREVIEW = f"{ROOT}/preview/set"


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    """Somebody who sees the device's state only: what is sent here is no text."""
    with Watcher(broker.port, f"{ROOT}/available") as watcher:
        yield watcher


def test_harmful_messages(
    watcher: Watcher, settings: MqttSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that make sense are obeyed, in order; of the others little is said."""
    with DeviceStage(replace(settings, commands=True)) as device:
        watcher.await_payload(f"{ROOT}/available", "online")

        @drawing(
            max_examples=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(fuzz_texts.commands())
        def send(drawn: list[Arrived]) -> None:
            preview = device.controls.preview
            for message in drawn:
                watcher.send(message.topic, message.payload)
                if message.topic == _PREVIEW and message.payload in (b"ON", b"OFF"):
                    preview = message.payload == b"ON"
            # What comes last is known: by then all else has been read.
            watcher.send(_DETECT, "OFF")
            await_that(lambda: not device.controls.detect)
            watcher.send(_DETECT, "ON")
            await_that(lambda: device.controls.detect)
            assert device.controls.preview is preview

        send()
        assert device.connected
    warnings = [line for line in caplog.messages if "passed over" in line]
    assert len(warnings) == len(set(warnings)) <= 4
    assert not [one for one in caplog.records if one.exc_info]


def test_huge_and_many_messages(watcher: Watcher, settings: MqttSettings) -> None:
    """They are read and passed over; the next command is obeyed."""
    with DeviceStage(replace(settings, commands=True)) as device:
        watcher.await_payload(f"{ROOT}/available", "online")
        watcher.send(_DETECT, b"O" * 10_000_000)
        for number in range(1_000):
            watcher.send(_PREVIEW, f"{number}")
        watcher.send(_DETECT, "OFF")
        await_that(lambda: not device.controls.detect)
        assert device.connected
