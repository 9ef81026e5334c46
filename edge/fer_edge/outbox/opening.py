"""The outbox that the configuration asks for."""

from fer_edge.outbox import Outbox, OutboxSettings
from fer_edge.outbox.durable import DurableOutbox
from fer_edge.outbox.memory import MemoryOutbox


def open_outbox(settings: OutboxSettings) -> Outbox:
    """Open it; a disk that does not let it is no reason to stop.

    Raises:
        ConfigurationError: another process uses the file.
    """
    if not settings.durable:
        return MemoryOutbox(settings)
    return DurableOutbox(settings.file, settings)
