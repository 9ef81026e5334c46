"""Says when the board is slowed down: by heat, or by too little voltage."""

import logging
import math
from collections.abc import Callable

from fer_edge.board import Throttling, read_throttling

_LOGGER = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0

_CALM_SECONDS = 300.0
"""Without a reason, after which it is over: a hot board is slowed down by turns."""


class BoardWatch:
    """Tells the log of each reason once, and when all are over.

    Args:
        read: tells how the board is; None where it does not tell.
    """

    def __init__(self, read: Callable[[], Throttling | None] = read_throttling) -> None:
        self._read = read
        self._looked = self._seen = -math.inf
        self.slowed_by: tuple[str, ...] = ()
        """The reasons, in the order in which they came; may be asked by any thread."""

    def look(self, now: float) -> None:
        """Look at the board, if that is due.

        Args:
            now: seconds of ``time.monotonic``.
        """
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        throttling = self._read()
        reasons = throttling.now if throttling else frozenset()
        if reasons:
            self._seen = now
        if new := sorted(reasons - set(self.slowed_by)):
            self.slowed_by = (*self.slowed_by, *new)
            _LOGGER.warning("board: slowed down: %s", ", ".join(new))
        elif self.slowed_by and now - self._seen >= _CALM_SECONDS:
            self.slowed_by = ()
            _LOGGER.warning("board: not slowed down any more")
