"""Events to an MQTT broker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerState:
    """How the connection stands, for the status."""

    connected: bool
    since: float
    """Seconds of ``time.monotonic`` since when it is so."""
    reason: str = ""
    """Why it is not connected; without passwords."""
    confirmed: int = 0
    """Events that the broker has confirmed, of this run."""
