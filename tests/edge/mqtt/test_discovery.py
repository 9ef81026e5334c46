"""What Home Assistant is told, judged by what it says that it takes.

The schema below is written from its documentation, as of 2025: the sections "Device
discovery payload", "Discovery topic" and "Using availability topics" of
https://www.home-assistant.io/integrations/mqtt/, the configuration variables of
https://www.home-assistant.io/integrations/sensor.mqtt/ and …/switch.mqtt/; and from
what its core checks beyond them: ``DEVICE_DISCOVERY_SCHEMA`` and
``validate_sensor_state_and_device_class_config`` in homeassistant/components/mqtt.
It passes over keys that it does not know; here none may be, lest a name be mistyped.
"""

import json
import re
from dataclasses import replace
from typing import Any

import jinja2
import pytest
from jsonschema import Draft202012Validator

from broker import Watcher, await_that
from fer_edge.publishers.mqtt import messages
from fer_edge.publishers.mqtt.discovery import discovery
from fer_edge.publishers.mqtt.messages import Topic
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings
from fer_edge.situation import Situation
from mqtt_stage import ABOUT, HASTY, ROOT, DeviceStage, event

_HOME = HomeAssistantSettings(discovery=True)

_TEXT = {"type": "string", "minLength": 1}
_TOPIC = {"type": "string", "pattern": "^[^#+]+$"}
_EVERY_ENTITY = {
    "unique_id": _TEXT,
    "name": _TEXT,
    "icon": {"type": "string", "pattern": "^mdi:[a-z-]+$"},
    "state_topic": _TOPIC,
    "value_template": _TEXT,
    "json_attributes_topic": _TOPIC,
}
_SENSOR = {
    "type": "object",
    "properties": _EVERY_ENTITY
    | {
        "platform": {"const": "sensor"},
        "device_class": {"const": "enum"},
        "options": {
            "type": "array",
            "items": _TEXT,
            "minItems": 1,
            "uniqueItems": True,
        },
        "state_class": {"enum": ["measurement", "total", "total_increasing"]},
        "unit_of_measurement": _TEXT,
        "suggested_display_precision": {"type": "integer", "minimum": 0},
        "expire_after": {"type": "integer", "minimum": 1},
        # A sensor configures nothing.
        "entity_category": {"const": "diagnostic"},
    },
    "required": ["platform", "unique_id", "state_topic"],
    "additionalProperties": False,
    # Options are for enumerations, which are no numbers; and the other way round.
    "dependentSchemas": {
        "options": {
            "required": ["device_class"],
            "not": {
                "anyOf": [
                    {"required": ["state_class"]},
                    {"required": ["unit_of_measurement"]},
                ]
            },
        },
        "device_class": {"required": ["options"]},
    },
}
_SWITCH = {
    "type": "object",
    "properties": _EVERY_ENTITY
    | {
        "platform": {"const": "switch"},
        "command_topic": _TOPIC,
        "payload_on": _TEXT,
        "payload_off": _TEXT,
        "entity_category": {"enum": ["config", "diagnostic"]},
    },
    "required": ["platform", "unique_id", "command_topic"],
    "additionalProperties": False,
}
# What is there no more is named by its platform alone.
_REMOVED = {
    "type": "object",
    "properties": {"platform": {"const": "switch"}},
    "required": ["platform"],
    "additionalProperties": False,
}
_DEVICE_DISCOVERY = {
    "type": "object",
    "properties": {
        "device": {
            "type": "object",
            "properties": {
                "identifiers": {"type": "array", "items": _TEXT, "minItems": 1},
                "name": _TEXT,
                "manufacturer": _TEXT,
                "model": _TEXT,
                "sw_version": _TEXT,
            },
            "required": ["identifiers"],
            "additionalProperties": False,
        },
        "origin": {
            "type": "object",
            "properties": {"name": _TEXT, "sw_version": _TEXT, "support_url": _TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "topic": _TOPIC,
                    "value_template": _TEXT,
                    "payload_available": _TEXT,
                    "payload_not_available": _TEXT,
                },
                "required": ["topic"],
                "additionalProperties": False,
            },
        },
        "components": {
            "type": "object",
            "additionalProperties": {
                "oneOf": [_SENSOR, _SWITCH, _REMOVED],
            },
        },
        "qos": {"enum": [0, 1, 2]},
    },
    "required": ["device", "origin", "components"],
    "additionalProperties": False,
}


def _payload(settings: MqttSettings = HASTY) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(discovery(_HOME, settings, ABOUT).payload)
    return told


def _render(template: str, payload: str) -> str:
    """Render a template as Home Assistant does: by Jinja, which it is built on."""
    values = {"value": payload}
    if payload.startswith("{"):
        values["value_json"] = json.loads(payload)
    return (
        jinja2.Environment(undefined=jinja2.StrictUndefined)
        .from_string(template)
        .render(values)
    )


@pytest.mark.parametrize("commands", [False, True])
def test_schema(commands: bool) -> None:
    """It is what the documentation allows, with switches and without."""
    payload = _payload(replace(HASTY, commands=commands))
    Draft202012Validator.check_schema(_DEVICE_DISCOVERY)
    Draft202012Validator(_DEVICE_DISCOVERY).validate(payload)
    there = [one for one in payload["components"].values() if "unique_id" in one]
    platforms = {one["platform"] for one in there}
    assert platforms == ({"sensor", "switch"} if commands else {"sensor"})


def test_switches_of_before() -> None:
    """Without commands they are taken away: they would tell of what was."""
    switched = _payload(replace(HASTY, commands=True))["components"]
    gone = _payload()["components"]
    assert switched.keys() == gone.keys()
    assert [key for key, one in gone.items() if one == {"platform": "switch"}] == [
        key for key, one in switched.items() if one["platform"] == "switch"
    ]


def test_topic() -> None:
    """It goes where devices are sought, and stays there."""
    message = discovery(replace(_HOME, prefix="home"), HASTY, ABOUT)
    assert re.fullmatch(r"home/device/[A-Za-z0-9_-]+/config", message.topic)
    assert message.retained


def test_two_devices() -> None:
    """Nothing by which Home Assistant tells things apart is the same."""
    one, two = (_payload(replace(HASTY, node=node)) for node in ("one", "two"))
    assert not set(one["device"]["identifiers"]) & set(two["device"]["identifiers"])
    names = [
        component["unique_id"]
        for payload in (one, two)
        for component in payload["components"].values()
        if "unique_id" in component
    ]
    assert len(set(names)) == len(names)


def test_emotions() -> None:
    """The options are the model's labels, and what is said where none holds."""
    options = _payload()["components"]["emotion"]["options"]
    assert options == ["happy", "sad", "surprise", "neutral", "uncertain", "none"]


def test_topics() -> None:
    """Every one is one that the device sends to, or listens to."""
    known = {f"{ROOT}/{topic}" for topic in Topic}
    payload = _payload(replace(HASTY, commands=True))
    named = {one["topic"] for one in payload["availability"]} | {
        value
        for component in payload["components"].values()
        for key, value in component.items()
        if key.endswith("_topic")
    }
    assert named <= known


@pytest.mark.parametrize(
    ("value", "expected"),
    [("online", "online"), ("stopped", "offline"), ("offline", "offline")],
)
def test_availability(value: str, expected: str) -> None:
    """Of the three payloads, stopped and offline are the same to it."""
    (availability,) = _payload()["availability"]
    assert _render(availability["value_template"], value) == expected
    assert availability["payload_available"] == "online"
    assert availability["payload_not_available"] == "offline"


@pytest.mark.parametrize("shown", [True, False])
def test_values(shown: bool) -> None:
    """Every template finds what it looks for in what is really sent."""
    stage = DeviceStage(HASTY)
    situation = Situation((event(1),) if shown else ())
    status = replace(stage.status(), faces=int(shown))
    sent = {
        message.topic: message.payload
        for message in (
            *messages.shown(ROOT, situation, status, commands=True),
            messages.stats(ROOT, status, None),
        )
    }
    components = _payload(replace(HASTY, commands=True))["components"]
    values = {
        key: _render(component.get("value_template", "{{ value }}"),
                     sent[component["state_topic"]])
        for key, component in components.items()
    }  # fmt: skip
    assert values == {
        "emotion": "happy" if shown else "none",
        # "None" is unknown.
        "confidence": "90.0" if shown else "None",
        "faces": "1" if shown else "0",
        "frame_rate": "0.0",
        "events_waiting": "0",
        "classifier": "cpu",
        "detect": "ON",
        "preview": "OFF",
    }
    for component in components.values():
        if topic := component.get("json_attributes_topic"):
            assert isinstance(json.loads(sent[topic]), dict)
    stage.publisher.close()


def test_figures_that_come_no_more() -> None:
    """They expire, but not because one message or two are late."""
    components = _payload(replace(HASTY, stats_seconds=60.0))["components"]
    expiring = {key for key, one in components.items() if "expire_after" in one}
    assert expiring == {"frame_rate", "events_waiting"}
    assert components["frame_rate"]["expire_after"] == 180


def test_values_after_a_home_assistant_restart(
    watcher: Watcher, settings: MqttSettings
) -> None:
    """Device, states, figures and availability come again (psmqtt#79)."""
    with DeviceStage(settings, _HOME) as device:
        device.publisher.publish(event(1, "sad"))
        await_that(lambda: not device.outbox.events)
        await_that(lambda: watcher.of(f"{ROOT}/stats"))
        seen = len(watcher.messages)
        watcher.send("homeassistant/status", "offline")
        watcher.send("homeassistant/status", "online")
        await_that(lambda: len(watcher.of(f"{ROOT}/stats")) >= 2)
        watcher.await_payload(f"{ROOT}/available", "online", times=2)
        again = {one.topic: one.payload for one in watcher.messages[seen:]}
    configuration = "homeassistant/device/fer_edge_pi/config"
    assert json.loads(again[configuration])["device"]["name"] == "pi"
    assert again[f"{ROOT}/emotion/state"] == "sad"
    assert {
        f"{ROOT}/{topic}" for topic in ("emotion/attributes", "faces", "status")
    } < (set(again))
    topics = [one.topic for one in watcher.messages[seen:]]
    assert topics.index(f"{ROOT}/available") > topics.index(f"{ROOT}/emotion/state")


def test_birth_of_home_assistant_that_is_retained(
    watcher: Watcher, settings: MqttSettings
) -> None:
    """It has happened before the device told everything: nothing comes twice."""
    watcher.send("homeassistant/status", "online", retained=True)
    with DeviceStage(settings, _HOME) as device:
        device.publish([1])
        await_that(lambda: not device.outbox.events)
    watcher.await_payload(f"{ROOT}/available", "stopped")
    assert watcher.of(f"{ROOT}/available") == ["online", "stopped"]


def test_without_discovery(watcher: Watcher, settings: MqttSettings) -> None:
    """Nothing is sent to Home Assistant that was not asked for."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
    assert all(one.topic.startswith(f"{ROOT}/") for one in watcher.messages)
