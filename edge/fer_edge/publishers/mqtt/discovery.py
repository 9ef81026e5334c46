"""What Home Assistant is told, so that the device shows up by itself.

Names and rules are those of its documentation, https://www.home-assistant.io/
integrations/mqtt/#device-discovery-payload, and of the sensor and the switch there. It
takes one message for a whole device from 2024.11 on; an older one passes it over.
"""

import json
import math
from typing import Any

from fer_contract.labels import UNCERTAIN
from fer_edge.monitor import About
from fer_edge.publishers.mqtt.messages import NONE, Availability, Message, Topic
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings

# Figures that come no more are unknown, not the last ones for ever: the loss of two
# messages is allowed.
_PERIODS_TO_EXPIRE = 3


def birth_topic(settings: HomeAssistantSettings) -> str:
    """Return where Home Assistant says that it has started."""
    return f"{settings.prefix}/status"


def discovery(
    settings: HomeAssistantSettings, mqtt: MqttSettings, about: About
) -> Message:
    """Return the message that makes the device and its entities known."""
    unique = f"fer_edge_{mqtt.name_of_node}"
    components = _sensors(mqtt, about)
    switches = _switches()
    if mqtt.commands:
        components |= switches
    for key, component in components.items():
        component["unique_id"] = f"{unique}_{key}"
        for name in ("state_topic", "command_topic", "json_attributes_topic"):
            if name in component:
                component[name] = f"{mqtt.root}/{component[name]}"
    if not mqtt.commands:
        # A platform alone removes an entity of before, which would stand there for
        # ever, tell of what was, and switch nothing.
        components |= {key: {"platform": switches[key]["platform"]} for key in switches}
    payload = {
        "device": {
            "identifiers": [unique],
            "name": mqtt.name_of_node,
            "manufacturer": "fer-edge-toolkit",
            "model": about.model,
            "sw_version": about.version,
        },
        "origin": {"name": "fer-edge", "sw_version": about.version},
        "availability": [
            {
                "topic": f"{mqtt.root}/{Topic.AVAILABLE}",
                # It knows two payloads; stopped is offline, too.
                "value_template": (
                    f"{{{{ '{Availability.ONLINE}' if value == '{Availability.ONLINE}' "
                    f"else '{Availability.OFFLINE}' }}}}"
                ),
                "payload_available": Availability.ONLINE,
                "payload_not_available": Availability.OFFLINE,
            }
        ],
        "components": components,
        "qos": 1,
    }
    topic = f"{settings.prefix}/device/{unique}/config"
    return Message(topic, json.dumps(payload, separators=(",", ":")))


def _sensors(mqtt: MqttSettings, about: About) -> dict[str, dict[str, Any]]:
    return {
        "emotion": {
            "platform": "sensor",
            "name": "Emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": list(dict.fromkeys((*about.labels, UNCERTAIN, NONE))),
            "state_topic": Topic.EMOTION,
            "json_attributes_topic": Topic.ATTRIBUTES,
        },
        "confidence": {
            "platform": "sensor",
            "name": "Confidence",
            "icon": "mdi:gauge",
            "state_class": "measurement",
            "unit_of_measurement": "%",
            "suggested_display_precision": 0,
            "state_topic": Topic.ATTRIBUTES,
            # None is unknown: there is no face to be confident of.
            "value_template": (
                "{{ 'None' if value_json.score is none "
                "else (value_json.score * 100) | round(1) }}"
            ),
        },
        "faces": {
            "platform": "sensor",
            "name": "Faces",
            "icon": "mdi:face-recognition",
            "state_class": "measurement",
            "state_topic": Topic.FACES,
        },
        "frame_rate": _figure(
            mqtt, "Frame rate", "fps", "{{ value_json.frames_per_second }}"
        ),
        "events_waiting": _figure(
            mqtt, "Events waiting", None, "{{ value_json.outbox.waiting }}"
        ),
        "classifier": {
            "platform": "sensor",
            "name": "Classifier",
            "icon": "mdi:chip",
            "entity_category": "diagnostic",
            "state_topic": Topic.STATUS,
            "value_template": "{{ value_json.classifier.device }}",
            "json_attributes_topic": Topic.STATUS,
        },
    }


def _figure(
    mqtt: MqttSettings, name: str, unit: str | None, template: str
) -> dict[str, Any]:
    figure = {
        "platform": "sensor",
        "name": name,
        "entity_category": "diagnostic",
        "state_class": "measurement",
        "state_topic": Topic.STATS,
        "value_template": template,
        "expire_after": math.ceil(_PERIODS_TO_EXPIRE * mqtt.stats_seconds),
    }
    return figure | ({"unit_of_measurement": unit} if unit else {})


def _switches() -> dict[str, dict[str, Any]]:
    return {
        "detect": {
            "platform": "switch",
            "name": "Detection",
            "icon": "mdi:eye",
            "state_topic": Topic.DETECT,
            "command_topic": Topic.DETECT_SET,
        },
        "preview": {
            "platform": "switch",
            "name": "Preview",
            "icon": "mdi:image-outline",
            "entity_category": "config",
            "state_topic": Topic.PREVIEW,
            "command_topic": Topic.PREVIEW_SET,
        },
    }
