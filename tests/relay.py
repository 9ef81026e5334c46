"""A stretch of wire between two programs, which can be cut."""

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.05


class Relay:
    """Passes on what comes to its port, from the beginning of the block to its end.

    Args:
        target: port on loopback to pass it on to.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.swallows = threading.Event()
        """While set, all stays connected and nothing is passed on, as if the cable
        were pulled."""
        self.accepted = 0
        """Connections so far."""
        self._open = threading.Event()
        self._open.set()
        self._closing = threading.Event()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._drop(list(self._pairs))
        self._listener.close()

    def cut(self) -> None:
        """Have every connection end, and further ones at once, until it is mended."""
        self._open.clear()

    def mend(self) -> None:
        """Let connections be again."""
        self._open.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self._open.is_set():
                self._drop(list(self._pairs))
            sides = [] if self.swallows.is_set() else list(self._pairs)
            ready = select.select([self._listener, *sides], [], [], _POLL_SECONDS)[0]
            for side in ready:
                if side is self._listener:
                    self._accept()
                elif side in self._pairs:
                    self._pass_on(side)

    def _accept(self) -> None:
        near = self._listener.accept()[0]
        self.accepted += 1
        far = socket.socket()
        if not self._open.is_set() or far.connect_ex(("127.0.0.1", self._target)):
            near.close()
            far.close()
            return
        self._pairs[near], self._pairs[far] = far, near

    def _pass_on(self, side: socket.socket) -> None:
        try:
            data = side.recv(65_536)
            if data:
                self._pairs[side].sendall(data)
                return
        except OSError:
            pass
        self._drop([side])

    def _drop(self, sides: list[socket.socket]) -> None:
        for side in sides:
            other = self._pairs.pop(side, None)
            if other is not None:
                self._pairs.pop(other, None)
                with contextlib.suppress(OSError):
                    side.close()
                    other.close()
