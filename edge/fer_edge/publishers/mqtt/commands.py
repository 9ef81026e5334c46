"""What others may ask for by messages."""

import logging

from fer_edge.controls import Controls
from fer_edge.publishers.mqtt.connection import Arrived
from fer_edge.publishers.mqtt.messages import Topic, switched

_LOGGER = logging.getLogger(__name__)

_MOST_SHOWN = 40  # bytes of a payload in the log
_ORDERS = {switched(on=on).encode(): on for on in (True, False)}


class Commands:
    """Turns switches by messages, ``ON`` or ``OFF``.

    A retained command is not obeyed: the broker would give it again with each new
    connection, and undo by it what was switched since. What holds at the start is for
    the configuration to say.

    Args:
        root: what topics begin with.
        controls: the switches.
    """

    def __init__(self, root: str, controls: Controls) -> None:
        self._controls = controls
        self._detect = f"{root}/{Topic.DETECT_SET}"
        self._preview = f"{root}/{Topic.PREVIEW_SET}"
        self.topics = [self._detect, self._preview]
        """To be subscribed to."""
        self._told: set[tuple[str, str]] = set()

    def obey(self, order: Arrived) -> None:
        """Do what a message asks for; one that makes no sense is told of once."""
        wanted = _ORDERS.get(order.payload)
        if order.retained:
            self._pass_over(order.topic, "a retained command; send it without retain")
        elif wanted is None:
            shown = repr(order.payload[:_MOST_SHOWN])[1:]
            self._pass_over(order.topic, f"{shown}; allowed are ON and OFF")
        elif order.topic == self._detect:
            self._controls.detect = wanted
        elif order.topic == self._preview:
            self._controls.preview = wanted

    def _pass_over(self, topic: str, why: str) -> None:
        # Not each payload once: they may be different for ever.
        kind = why.rpartition(";")[2]
        if (topic, kind) not in self._told:
            self._told.add((topic, kind))
            _LOGGER.warning("MQTT %s: %s; passed over", topic, why)
