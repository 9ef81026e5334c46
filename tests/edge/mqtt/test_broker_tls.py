"""TLS to a real mosquitto: whom to believe, and who we are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import Broker, await_that
from certificates import Authority
from fer_edge.errors import ConfigurationError
from fer_edge.publishers.mqtt.settings import MqttSettings
from fer_edge.publishers.mqtt.tls import make_tls
from mqtt_stage import HASTY, DeviceStage


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the device believes."""
    return Authority(tmp_path_factory.mktemp("authority"), "good")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom it does not."""
    return Authority(tmp_path_factory.mktemp("stranger"), "strange")


def _broker(folder: Path, pair: tuple[Path, Path], *lines: str) -> Broker:
    certificate, key = pair
    return Broker(
        folder, listener=[f"certfile {certificate}", f"keyfile {key}", *lines]
    )


def _settings(broker: Broker, authority: Authority) -> MqttSettings:
    ca = str(authority.certificate)
    return replace(HASTY, port=broker.port, tls=True, tls_ca_certs=ca)


@pytest.fixture
def broker(tmp_path: Path, authority: Authority) -> Iterator[Broker]:
    """A broker for whom the authority vouches."""
    with _broker(tmp_path, authority.sign("broker")) as broker:
        yield broker


def _first_line(settings: MqttSettings, caplog: pytest.LogCaptureFixture) -> str:
    """Have a device fail several times, and return the one line about it."""
    with DeviceStage(settings) as device:
        await_that(lambda: caplog.messages)
        assert not device.connected
    assert len(caplog.messages) == 1
    reason = caplog.messages[0].partition(": ")[2]
    return reason.removesuffix("; trying again until it works")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_good_certificate(
    broker: Broker, authority: Authority, protocol: str, host: str
) -> None:
    """Events arrive, by name and by address."""
    settings = replace(_settings(broker, authority), host=host, protocol=protocol)
    with DeviceStage(settings) as device:
        device.publish(range(1, 101))
        await_that(lambda: not device.outbox.events)


def test_wrong_authority(
    broker: Broker, stranger: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker for whom nobody vouches gets no password."""
    assert _first_line(_settings(broker, stranger), caplog) == (
        "nobody in mqtt.tls_ca_certs vouches for the broker's certificate"
    )


def test_expired_certificate(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named as such."""
    with _broker(tmp_path, authority.sign("old", days=-1)) as broker:
        assert _first_line(_settings(broker, authority), caplog) == (
            "the broker's certificate has expired"
        )


def test_certificate_of_another_host(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused, unless that is allowed."""
    with _broker(tmp_path, authority.sign("other", "DNS:example.org")) as broker:
        settings = _settings(broker, authority)
        assert _first_line(settings, caplog) == (
            "the broker's certificate is for another host name"
        )
        with DeviceStage(replace(settings, tls_insecure=True)) as device:
            await_that(lambda: device.connected)


def test_client_certificate(
    tmp_path: Path,
    authority: Authority,
    stranger: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broker that asks for one takes ours, and no other."""
    wanted = (f"cafile {authority.certificate}", "require_certificate true")
    with _broker(tmp_path, authority.sign("broker"), *wanted) as broker:
        settings = _settings(broker, authority)
        certificate, key = map(str, authority.sign("device"))
        mine = replace(settings, tls_client_cert=certificate, tls_client_key=key)
        with DeviceStage(mine) as device:
            await_that(lambda: device.connected)
        assert _first_line(settings, caplog) == (
            "the broker refuses this device's certificate, or its lack "
            "(certificate required)"
        )
        caplog.clear()
        certificate, key = map(str, stranger.sign("device"))
        strange = replace(settings, tls_client_cert=certificate, tls_client_key=key)
        assert _first_line(strange, caplog) == (
            "the broker refuses this device's certificate, or its lack (unknown ca)"
        )


def test_plain_port(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """TLS where the broker has none is told of."""
    with Broker(tmp_path) as broker:
        settings = replace(HASTY, port=broker.port, tls=True)
        assert _first_line(settings, caplog) == (
            "it hangs up without a word; does mqtt.tls suit this port?"
        )


def test_tls_port_without_tls(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    """So is its lack."""
    assert _first_line(replace(HASTY, port=broker.port), caplog) == (
        "it hangs up without a word; does mqtt.tls suit this port?"
    )


def test_files_that_cannot_be_used(
    tmp_path: Path, authority: Authority, stranger: Authority
) -> None:
    """The daemon does not start with them; key and file are named."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    settings = replace(HASTY, tls=True)
    certificate, _ = authority.sign("one")
    _, key = stranger.sign("two")
    for wrong, line in (
        ({"tls_ca_certs": "/nowhere"}, "tls_ca_certs: /nowhere: No such file"),
        ({"tls_ca_certs": str(empty)}, "tls_ca_certs: .*: no certificate or key"),
        ({"tls_client_cert": str(empty)}, "tls_client_cert: .*: no certificate or key"),
        (
            {"tls_client_cert": str(certificate), "tls_client_key": str(key)},
            "tls_client_cert: .*one.crt with .*two.key: no certificate or key that "
            r"fits \(KEY_VALUES_MISMATCH\)",
        ),
    ):
        with pytest.raises(ConfigurationError, match=line):
            make_tls(replace(settings, **wrong))  # type: ignore[arg-type]


def test_key_with_a_password(tmp_path: Path, authority: Authority) -> None:
    """Nobody is asked for it at a terminal."""
    certificate, key = authority.sign("locked")
    locked = authority.lock(key, tmp_path / "locked.key")
    settings = replace(
        HASTY, tls=True, tls_client_cert=str(certificate), tls_client_key=str(locked)
    )
    with pytest.raises(ConfigurationError, match=r"tls_client_key: has a password"):
        make_tls(settings)
