"""What can be told about a broker, and what cannot be true of it."""

from dataclasses import replace

import pytest

from fer_edge.config import Config
from fer_edge.publishers.mqtt.settings import (
    HomeAssistantSettings,
    MqttSettings,
    complaints,
    safe_node,
)

_PLAIN = MqttSettings(host="broker")
_HOME = HomeAssistantSettings()


def test_defaults() -> None:
    """Nothing is sent to anybody, and nothing is wrong with that."""
    assert Config().mqtt.host == ""
    assert complaints(MqttSettings(), _HOME) == []


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"topic_prefix": "fer/#"},
            "mqtt.topic_prefix: 'fer/#'; allowed are",
        ),
        ({"topic_prefix": "/fer"}, "mqtt.topic_prefix: '/fer'; allowed"),
        ({"topic_prefix": "fer/"}, "mqtt.topic_prefix: 'fer/'; allowed"),
        ({"topic_prefix": "$SYS"}, "mqtt.topic_prefix: '$SYS'; allowed"),
        ({"topic_prefix": "f\0r"}, r"mqtt.topic_prefix: 'f\x00r'; allowed"),
        ({"topic_prefix": "f" * 201}, "mqtt.topic_prefix: 'fff"),
        ({"node": "front door"}, "mqtt.node: 'front door'; allowed are 1 to 64"),
        ({"node": "a/b"}, "mqtt.node: 'a/b'; allowed are"),
        ({"node": "n" * 65}, "mqtt.node: 'nnn"),
        (
            {"first_retry_seconds": 9.0, "longest_retry_seconds": 8.0},
            "mqtt.longest_retry_seconds: 8; less than first_retry_seconds, 9",
        ),
        ({"password_file": "p"}, "mqtt.password_file: 'p'; a password without user"),
        (
            {"tls": True, "tls_client_key": "k"},
            "mqtt.tls_client_key: 'k' without tls_client_cert",
        ),
        (
            {"tls_ca_certs": "ca"},
            "mqtt.tls_ca_certs: 'ca'; has no effect while tls is false",
        ),
        (
            {"tls_insecure": True},
            "mqtt.tls_insecure: True; has no effect while tls is false",
        ),
    ],
)
def test_complaints(settings: dict[str, object], line: str) -> None:
    """Each has a line that names the key, what is there and what is allowed."""
    found = complaints(replace(_PLAIN, **settings), _HOME)  # type: ignore[arg-type]
    assert len(found) == 1
    assert found[0].startswith(line)


def test_complaints_of_home_assistant() -> None:
    """It is told by a broker or not at all."""
    wanted = HomeAssistantSettings(discovery=True, prefix="home+")
    assert [line.partition(":")[0] for line in complaints(MqttSettings(), wanted)] == [
        "home_assistant.prefix",
        "home_assistant.discovery",
    ]


def test_prefix_in_words_of_any_language() -> None:
    """MQTT takes them, and several levels."""
    assert complaints(replace(_PLAIN, topic_prefix="haus/küche"), _HOME) == []


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("raspberrypi", "raspberrypi"),
        ("pi.example.org", "pi"),
        ("Büro 2", "B-ro-2"),
        ("-pi-", "pi"),
        ("…", "fer-edge"),
        ("n" * 99, "n" * 64),
    ],
)
def test_node_of_a_host(name: str, node: str) -> None:
    """Its name is made one that a topic, and Home Assistant, can hold."""
    assert safe_node(name) == node
    assert complaints(replace(_PLAIN, node=node), _HOME) == []


def test_ports() -> None:
    """They are the usual ones, unless one is given."""
    assert _PLAIN.number_of_port == 1883
    assert replace(_PLAIN, tls=True).number_of_port == 8883
    assert replace(_PLAIN, tls=True, port=1).number_of_port == 1


def test_names() -> None:
    """Topics and the client's name come from the node, unless they are given."""
    named = replace(_PLAIN, node="door")
    assert (named.root, named.name_of_client) == ("fer/door", "fer-edge-door")
    assert replace(named, client_id="c").name_of_client == "c"
