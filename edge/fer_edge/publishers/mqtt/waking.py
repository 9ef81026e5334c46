"""To wake a thread that waits for the network."""

import contextlib
import socket


class Waker:
    """Something that can be polled, and becomes readable when it is woken."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)

    def fileno(self) -> int:
        """Return what to poll."""
        return self._ours.fileno()

    def wake(self) -> None:
        """Make it readable; returns at once, and may be called by any thread."""
        # Full: it is readable already. Closed: nobody waits any more.
        with contextlib.suppress(OSError):
            self._theirs.send(b"\0")

    def clear(self) -> None:
        """Make it unreadable, until it is woken again."""
        with contextlib.suppress(BlockingIOError):
            while self._ours.recv(4096):
                pass

    def close(self) -> None:
        """Let go of it."""
        self._ours.close()
        self._theirs.close()
