"""Where events go."""

from typing import Protocol, runtime_checkable

from fer_edge.events import Event


class Publisher(Protocol):
    """Takes events one after another."""

    def publish(self, event: Event) -> None:
        """Send or store an event."""

    def close(self) -> None:
        """Finish what is under way."""


@runtime_checkable
class PublisherSettings(Protocol):
    """A section of the configuration by which events go somewhere."""

    def open_publisher(self, name: str) -> Publisher | None:
        """Open what takes every event at once; None if none is asked for.

        Args:
            name: of the section, for messages.

        Raises:
            ConfigurationError: it cannot be opened.
        """
