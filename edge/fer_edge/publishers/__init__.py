"""Where events go."""

from typing import Protocol

from fer_edge.events import Event


class Publisher(Protocol):
    """Takes events one after another."""

    def publish(self, event: Event) -> None:
        """Send or store an event."""

    def close(self) -> None:
        """Finish what is under way."""
