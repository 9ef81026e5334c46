"""Events to an MQTT broker, and what is there to be seen of the device.

::

    loop ─► MqttPublisher ─► Situation ─► messages ─┐
                    │                               ├─► Session ─► Connection
                    └──────► Outbox ────► Delivery ─┘

The publisher's one thread opens a connection, tells by it what is now and then, in
order, what is stored, and opens the next one when it is lost.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerState:
    """How the connection stands, for the status."""

    connected: bool
    """Whether the broker has taken what is now, and takes events."""
    since: float
    """Seconds of ``time.monotonic`` since when it is so."""
    reason: str = ""
    """Why it is not connected; without passwords."""
    confirmed: int = 0
    """Events that the broker has confirmed, of this run."""
    refused: int = 0
    """Events that the broker will never take, too large ones, of this run. They are
    lost."""
    connections: int = 0
    """How often it was connected, of this run."""
    restless: bool = False
    """Whether the connection comes and goes."""
