"""Those who watch the page now, each at its own pace.

Server-sent events: text of ``event:`` and ``data:`` lines, which browsers reconnect by
themselves. What a viewer has no time for is replaced by what is newer. Used by the
page's thread alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fer_edge.web.handover import MOST_EVENTS
from fer_edge.web.reports import to_json


def message(kind: str, data: Mapping[str, Any]) -> bytes:
    """Return a server-sent event."""
    return f"event: {kind}\ndata: {to_json(data)}\n\n".encode()


class Seat:
    """One viewer: what is still to be sent, bounded."""

    def __init__(self) -> None:
        self._news: deque[bytes] = deque(maxlen=MOST_EVENTS)
        self._newest: dict[str, bytes] = {}
        self._something = asyncio.Event()
        self._closed = False

    def tell(self, chunk: bytes) -> None:
        """Have something sent, in order; the oldest goes where there is too much."""
        self._news.append(chunk)
        self._something.set()

    def show(self, kind: str, chunk: bytes) -> None:
        """Have something sent, unless something newer of its kind comes before."""
        self._newest[kind] = chunk
        self._something.set()

    def close(self) -> None:
        """Let the viewer go."""
        self._closed = True
        self._something.set()

    async def take(self) -> bytes | None:
        """Wait for something and return all that there is; None at the end."""
        await self._something.wait()
        self._something.clear()
        if self._closed:
            return None
        chunk = b"".join((*self._news, *self._newest.values()))
        self._news.clear()
        self._newest.clear()
        return chunk


class Audience:
    """All viewers, and those who wait for a single picture.

    Args:
        most: viewers at a time.
        changed: told whether anybody is there, whenever that may have changed.
    """

    def __init__(self, most: int, changed: Callable[[bool], None]) -> None:
        self._most = most
        self._changed = changed
        self._seats: set[Seat] = set()
        self._waiting: set[asyncio.Future[bytes]] = set()

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another viewer."""
        return len(self._seats) >= self._most

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """Give a viewer a place while the block lasts."""
        seat = Seat()
        self._seats.add(seat)
        self._tell_change()
        try:
            yield seat
        finally:
            self._seats.discard(seat)
            self._tell_change()

    async def next_picture(self) -> bytes:
        """Wait for the next picture, a JPEG."""
        picture: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.add(picture)
        self._tell_change()
        try:
            return await picture
        finally:
            self._waiting.discard(picture)
            self._tell_change()

    def tell(self, chunk: bytes) -> None:
        """Send all viewers something, in order."""
        for seat in self._seats:
            seat.tell(chunk)

    def show(self, kind: str, chunk: bytes) -> None:
        """Send all viewers something that takes the place of the last of its kind."""
        for seat in self._seats:
            seat.show(kind, chunk)

    def give_picture(self, picture: bytes) -> None:
        """Answer those who wait for a picture."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(picture)

    def close(self) -> None:
        """Let everybody go."""
        for seat in self._seats:
            seat.close()
        for waiting in self._waiting:
            waiting.cancel()

    def _tell_change(self) -> None:
        self._changed(bool(self._seats or self._waiting))
