"""What others may ask for by messages."""

import pytest

from fer_edge.controls import Controls
from fer_edge.publishers.mqtt.commands import Commands
from fer_edge.publishers.mqtt.connection import Arrived


@pytest.mark.parametrize(
    "payload", [b"", b"on", b"1", b"TOGGLE", b"\xff\x00", b"ON" * 1_000_000]
)
def test_other_payloads(payload: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """They are passed over and told of once, in a line that is not long."""
    controls = Controls()
    commands = Commands("fer/pi", controls)
    for _ in range(3):
        commands.obey(Arrived("fer/pi/detect/set", payload, retained=False))
    commands.obey(Arrived("fer/pi/detect/set", b"other", retained=False))
    assert controls.detect
    (line,) = caplog.messages
    assert line.startswith("MQTT fer/pi/detect/set: ")
    assert line.endswith("; allowed are ON and OFF; passed over")
    assert len(line) < 250


def test_retained(caplog: pytest.LogCaptureFixture) -> None:
    """It is passed over, and what to do instead is said."""
    controls = Controls()
    Commands("r", controls).obey(Arrived("r/preview/set", b"ON", retained=True))
    assert not controls.preview
    assert "send it without retain" in caplog.text


def test_each_switch() -> None:
    """Only the one that is meant is turned."""
    controls = Controls(detect=True, preview=True)
    commands = Commands("r", controls)
    commands.obey(Arrived("r/preview/set", b"OFF", retained=False))
    assert (controls.detect, controls.preview) == (True, False)
    commands.obey(Arrived("r/detect/set", b"OFF", retained=False))
    assert not controls.detect
