"""What can be told about the broker, and what cannot be true of it."""

import re
import socket
from dataclasses import dataclass

from fer_edge.credentials import read_secret
from fer_edge.errors import ConfigurationError
from fer_edge.options import option

_PORT, _TLS_PORT = 1883, 8883
_MOST_LETTERS = 200
# What Home Assistant takes for the name of a device in a topic.
_NODE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """``[mqtt]``."""

    host: str = option("")
    """Name or address of the broker; empty is none."""
    port: int = option(0, low=0, high=65535)
    """0 is 1883, or 8883 with ``tls``."""
    topic_prefix: str = option("fer", filled=True)
    """First part of every topic."""
    node: str = option("")
    """Second part of every topic, for this device; empty for the host's name."""
    client_id: str = option("")
    """Name at the broker, which no other client may have; empty for
    fer-edge-``node``."""
    protocol: str = option("5", one_of=("5", "3.1.1"))
    """Version of MQTT. Only 5 says why a broker refuses something."""
    user: str = option("")
    """Name to log in with; empty is none."""
    password_file: str = option("")
    """File that holds the password; empty for the service's own (``fer-edge service
    secret mqtt-password``) or the environment's FER_EDGE_MQTT_PASSWORD."""
    tls: bool = option(False)
    """Whether the connection is encrypted."""
    tls_ca_certs: str = option("")
    """File of the authorities that may vouch for the broker, PEM; empty for the
    system's."""
    tls_client_cert: str = option("")
    """File of this device's own certificate, PEM; empty is none."""
    tls_client_key: str = option("")
    """File of its key, PEM, without a password; empty where it stands in
    ``tls_client_cert``."""
    tls_insecure: bool = option(False)
    """Whether the broker's certificate may be for another host name."""
    keep_alive_seconds: int = option(30, low=5, high=3600)
    """After so long without a message each side asks whether the other is there."""
    answer_seconds: float = option(10.0, low=0.5, high=600.0)
    """Longest time for the broker's answer: to a connection, or to a message."""
    first_retry_seconds: float = option(1.0, low=0.1, high=3600.0)
    """From a lost connection to the next try; twice as long after each further
    failure, and up to a half less by chance, lest all devices come at once."""
    longest_retry_seconds: float = option(60.0, low=0.1, high=3600.0)
    """Longest time to the next try."""
    stats_seconds: float = option(60.0, low=1.0, high=86400.0)
    """Between two messages of figures."""
    commands: bool = option(False)
    """Whether detection and the preview can be switched by messages."""

    @property
    def number_of_port(self) -> int:
        """The port that is meant."""
        return self.port or (_TLS_PORT if self.tls else _PORT)

    @property
    def name_of_node(self) -> str:
        """The node that is meant."""
        return self.node or safe_node(socket.gethostname())

    @property
    def name_of_client(self) -> str:
        """The client that is meant."""
        return self.client_id or f"fer-edge-{self.name_of_node}"

    @property
    def root(self) -> str:
        """What every topic begins with."""
        return f"{self.topic_prefix}/{self.name_of_node}"

    def password(self) -> str | None:
        """Return the password, from the first place that has one.

        Raises:
            ConfigurationError: a place that has something else.
        """
        return read_secret(
            self.password_file, "mqtt-password", "FER_EDGE_MQTT_PASSWORD"
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.number_of_port}"


@dataclass(frozen=True, slots=True)
class HomeAssistantSettings:
    """``[home_assistant]``."""

    discovery: bool = option(False)
    """Whether Home Assistant, 2024.11 or newer, is told of this device, by
    ``[mqtt]``."""
    prefix: str = option("homeassistant", filled=True)
    """First part of its topics."""


def safe_node(name: str) -> str:
    """Make a host's name one that topics can hold."""
    # The domain is the same for all, and only makes topics long.
    host = name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host)[:64].strip("-") or "fer-edge"


def complaints(mqtt: MqttSettings, home_assistant: HomeAssistantSettings) -> list[str]:
    """Say what is contradictory or impossible, a line a key."""
    found = [
        line
        for key, value in (
            ("mqtt.topic_prefix", mqtt.topic_prefix),
            ("home_assistant.prefix", home_assistant.prefix),
        )
        if (line := _complaint_of_topic(key, value))
    ]
    if home_assistant.discovery and not mqtt.host:
        found.append("home_assistant.discovery: true without mqtt.host")
    if mqtt.node and not _NODE.fullmatch(mqtt.node):
        found.append(
            f"mqtt.node: {mqtt.node!r}; allowed are 1 to 64 characters A-Z, a-z, 0-9, "
            "_ and -"
        )
    if mqtt.longest_retry_seconds < mqtt.first_retry_seconds:
        found.append(
            f"mqtt.longest_retry_seconds: {mqtt.longest_retry_seconds:g}; less than "
            f"first_retry_seconds, {mqtt.first_retry_seconds:g}"
        )
    if not mqtt.user and mqtt.password_file:
        found.append(
            f"mqtt.password_file: {mqtt.password_file!r}; a password without user"
        )
    if mqtt.tls_client_key and not mqtt.tls_client_cert:
        found.append(
            f"mqtt.tls_client_key: {mqtt.tls_client_key!r} without tls_client_cert"
        )
    if not mqtt.tls:
        given = {
            "tls_ca_certs": mqtt.tls_ca_certs,
            "tls_client_cert": mqtt.tls_client_cert,
            "tls_insecure": mqtt.tls_insecure,
        }
        found += [
            f"mqtt.{key}: {value!r}; has no effect while tls is false"
            for key, value in given.items()
            if value
        ]
    return found + (_complaints_of_files(mqtt) if mqtt.host else [])


def _complaints_of_files(mqtt: MqttSettings) -> list[str]:
    # Loads OpenSSL, for which nobody waits who has no use for it.
    from fer_edge.publishers.mqtt.tls import make_tls

    found = []
    try:
        if mqtt.tls:
            make_tls(mqtt)
    except ConfigurationError as mistake:
        found.append(str(mistake))
    try:
        if mqtt.user:
            mqtt.password()
    except ConfigurationError as mistake:
        found.append(f"mqtt.password_file: {mistake}")
    return found


def _complaint_of_topic(key: str, value: str) -> str | None:
    levels = value.split("/")
    if (
        all(levels)
        and not value.startswith("$")
        and not set(value) & set("+#")
        and value.isprintable()
        and len(value) <= _MOST_LETTERS
    ):
        return None
    return (
        f"{key}: {value!r}; allowed are up to {_MOST_LETTERS} characters that can be "
        "seen, without + and #, not beginning with $, no part between / empty"
    )
