"""What can be told about the broker, and what cannot be true of it."""

import re
import socket
from dataclasses import dataclass

from fer_edge.credentials import MQTT_PASSWORD, SECRETS, read_secret
from fer_edge.errors import ConfigurationError
from fer_edge.options import option

_PORT, _TLS_PORT = 1883, 8883
_MOST_LETTERS = 200
# What Home Assistant takes for the name of a device in a topic.
_NODE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker to which events go.

    What comes where, below ``<topic_prefix>/<node>/``: available (online, stopped,
    offline), status, emotion/state, emotion/attributes, faces (all retained), events
    (each one, QoS 1) and stats.
    """

    host: str = option("", example="192.168.1.10")
    """Name or address of the broker; empty is none."""
    port: int = option(0, low=0, high=65535)
    """Port of the broker; 0 is 1883, or 8883 with ``tls``."""
    topic_prefix: str = option("fer", filled=True)
    """First part of every topic; may hold /."""
    node: str = option("", example="front-door")
    """Second part of every topic, and this device's name in Home Assistant: letters of
    ASCII, digits, _ and -. Empty for the name of the host. No two devices of one broker
    may have the same."""
    client_id: str = option("", example="fer-edge-1")
    """Name at the broker, which no other client may have: of two, each would throw the
    other out, for ever. Empty for
    ``fer-edge-<node>``."""
    protocol: str = option("5", one_of=("5", "3.1.1"))
    """Version of MQTT. Only 5 says why a broker does not take something."""
    user: str = option("", example="fer-edge")
    """Name to log in with; empty is none."""
    password_file: str = option("", example="/etc/fer-edge/mqtt-password")
    """File that holds the password, and nothing else. Empty for the service's own
    (``sudo fer-edge service secret mqtt-password``) or, where there is none, the
    variable FER_EDGE_MQTT_PASSWORD. It is read again for each connection."""
    tls: bool = option(False)
    """Whether the connection is encrypted (TLS 1.2 or later)."""
    tls_ca_certs: str = option("", example="/etc/fer-edge/broker-ca.pem")
    """File of the authorities that may vouch for the broker (PEM); empty for those that
    the system trusts."""
    tls_client_cert: str = option("", example="/etc/fer-edge/device.pem")
    """File of this device's own certificate (PEM), where the broker asks for one; empty
    is none."""
    tls_client_key: str = option("", example="/etc/fer-edge/device.key")
    """File of its key (PEM), without a password; empty where it stands in
    ``tls_client_cert``."""
    tls_insecure: bool = option(False)
    """Whether the broker's certificate may be for another host name. An authority of
    ``tls_ca_certs`` must have signed it even so."""
    keep_alive_seconds: int = option(30, low=5, high=3600)
    """After so long without a message each side asks whether the other is still there.
    A device that is lost is offline after one and a half of it."""
    answer_seconds: float = option(10.0, low=0.5, high=600.0)
    """Longest time for an answer of the broker, to a connection or a message. Then it
    is left, and tried again."""
    first_retry_seconds: float = option(1.0, low=0.1, high=3600.0)
    """Time from a lost connection to the next try. It doubles with each further
    failure, and is up to a half shorter by chance, lest all devices come at once when a
    broker is back."""
    longest_retry_seconds: float = option(60.0, low=0.1, high=3600.0)
    """Longest time to the next try. After as long, too, an event is sent again that the
    broker does not want now (a quota, or rights not yet given)."""
    stats_seconds: float = option(60.0, low=1.0, high=86400.0)
    """Time between two messages of figures."""
    commands: bool = option(False)
    """Whether detect/set and preview/set are obeyed: ON or OFF, not retained. Then
    detect/state and preview/state tell how the switches stand."""

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
        variable = SECRETS[MQTT_PASSWORD]
        return read_secret(self.password_file, MQTT_PASSWORD, variable)

    def __str__(self) -> str:
        return f"{self.host}:{self.number_of_port}"


@dataclass(frozen=True, slots=True)
class HomeAssistantSettings:
    """What Home Assistant is told, by the broker of ``[mqtt]``."""

    discovery: bool = option(False)
    """Whether Home Assistant, 2024.11 or newer, is told of this device and what it
    shows. To have it forgotten, send an empty retained message to
    ``<prefix>/device/fer_edge_<node>/config``."""
    prefix: str = option("homeassistant", filled=True)
    """First part of Home Assistant's own topics."""


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
