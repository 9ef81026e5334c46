"""Connections: how many there may be, and for how long.

aiohttp lets a client take a lifetime for the head of its request, or for its answer.
Here a connection carries one request and is cut after a few seconds, whatever it does;
only a stream that is being read may stay.
"""

import asyncio
from collections.abc import Callable


class Doorman:
    """Makes the protocol of each connection.

    Args:
        make_protocol: aiohttp's, which is asked nothing but to speak HTTP.
        most: connections at a time.
        seconds: that each has, from its first byte to the last.
    """

    def __init__(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        most: int,
        seconds: float,
    ) -> None:
        self._make_protocol = make_protocol
        self._most = most
        self._seconds = seconds
        self._visits: dict[Visit, None] = {}  # in the order in which they came

    def __call__(self) -> "Visit":
        """Return a protocol for a connection that was accepted."""
        return Visit(self, self._make_protocol(), self._seconds)

    def admit(self, visit: "Visit") -> None:
        """Note a connection, which may have to go, or another one for it."""
        self._visits[visit] = None
        if len(self._visits) <= self._most:
            return
        # Whoever has not been let in yet makes room, the oldest first: one who idles,
        # or has no token. The newcomer is the last of them.
        next(known for known in self._visits if not known.admitted).cut()

    def forget(self, visit: "Visit") -> None:
        """Note that a connection has gone."""
        self._visits.pop(visit, None)


class Visit(asyncio.Protocol):
    """One connection: hands everything on, and ends it in time."""

    def __init__(
        self, doorman: Doorman, inner: asyncio.Protocol, seconds: float
    ) -> None:
        self.admitted = False
        """Whether it has asked for something that it may have."""
        self._doorman = doorman
        self._inner = inner
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def stay(self) -> None:
        """Let the connection last."""
        if self._deadline is not None:
            self._deadline.cancel()

    def cut(self) -> None:
        """End the connection; what is still to be sent is thrown away."""
        self._doorman.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._seconds, self.cut)
        self._inner.connection_made(transport)
        self._doorman.admit(self)

    def connection_lost(self, failure: Exception | None) -> None:
        """End."""
        self.stay()
        self._doorman.forget(self)
        self._inner.connection_lost(failure)

    def data_received(self, data: bytes) -> None:
        """Hand on what has come."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that no more will come."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on that the client does not keep up."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that it does again."""
        self._inner.resume_writing()
