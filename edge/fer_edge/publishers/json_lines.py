"""Events as lines of JSON, for journald, `jq` or a file."""

from typing import TextIO

from fer_edge.events import Event


class JsonLines:
    """Writes each event at once, so that a reader never waits for the next.

    Args:
        stream: standard output or an open file; not closed here.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def publish(self, event: Event) -> None:
        """Write a line."""
        self._stream.write(event.to_json() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is under way: each line was flushed."""
