"""What the tests of MQTT share: a broker, and somebody who looks on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import Broker, Watcher
from fer_edge.publishers.mqtt.settings import MqttSettings
from mqtt_stage import HASTY


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets everybody in."""
    with Broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    """Somebody who sees all that the broker passes on."""
    with Watcher(broker.port) as watcher:
        yield watcher


@pytest.fixture(params=["5", "3.1.1"])
def settings(request: pytest.FixtureRequest, broker: Broker) -> MqttSettings:
    """To that broker, by each version of MQTT."""
    return replace(HASTY, port=broker.port, protocol=request.param)
