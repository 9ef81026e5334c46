"""Messages on a pair of pipes, between the daemon and the Edge TPU's process.

A message is a header of 12 bytes and its content. An answer bears the number of its
question, so that nothing a library prints, and no answer to another face, is taken for
one. Neither side waits longer for the other than it says.
"""

import math
import os
import select
import struct
import time
from dataclasses import dataclass
from enum import IntEnum

from fer_contract.preprocess import MAX_SIDE

# Mark, kind, number, length of the content; little-endian.
_HEADER = struct.Struct("<3sBII")
_MARK = b"fer"

_LONGEST = MAX_SIDE**2  # bytes of the largest face that a manifest allows
_CHUNK = 1 << 16  # bytes


class Kind(IntEnum):
    """What a message is."""

    READY = 1
    """From the process, number 0: the model is loaded; JSON says what it is."""
    FACE = 2
    """To the process: uint8 (H, W, 1), row by row."""
    OUTPUTS = 3
    """From the process, numbered as the face: uint8 (C,)."""
    FAILED = 4
    """From the process, number 0: why it cannot work now; text."""
    HOPELESS = 5
    """From the process, number 0: why no further start can help; text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    kind: Kind
    number: int
    content: bytes


class Wire:
    """One side's ends of the two pipes.

    Args:
        reading: file descriptor, not closed here.
        writing: file descriptor, not closed here.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(reading, select.POLLIN)
        self._writable.register(writing, select.POLLOUT)
        self._buffer = bytearray()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)

    def send(self, message: Message, until: float = math.inf) -> None:
        """Send a message.

        Args:
            message: what to send.
            until: seconds of ``time.monotonic`` at which to give up.

        Raises:
            TimeoutError: the other side did not take it in time.
            EOFError: the other side has closed its end.
        """
        header = _HEADER.pack(_MARK, message.kind, message.number, len(message.content))
        rest = memoryview(header + message.content)
        while rest:
            try:
                rest = rest[os.write(self._writing, rest) :]
            except BlockingIOError:
                _wait(self._writable, until)
            except BrokenPipeError as ended:
                raise EOFError from ended

    def receive(self, until: float = math.inf) -> Message:
        """Return the next message.

        Args:
            until: seconds of ``time.monotonic`` at which to give up.

        Raises:
            TimeoutError: none came in time.
            EOFError: the other side has closed its end.
            ValueError: what came is no message.
        """
        while (message := self._take()) is None:
            _wait(self._readable, until)
            chunk = os.read(self._reading, _CHUNK)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        return message

    def _take(self) -> Message | None:
        """Take a message out of the buffer, if a whole one is in it."""
        if len(self._buffer) < _HEADER.size:
            return None
        mark, kind, number, length = _HEADER.unpack_from(self._buffer)
        if mark != _MARK or length > _LONGEST:
            raise ValueError(f"no message: {bytes(self._buffer[:20])!r}")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        content = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return Message(Kind(kind), number, content)


def _wait(poll: select.poll, until: float) -> None:
    if until == math.inf:
        poll.poll()
        return
    left = until - time.monotonic()
    # Rounded up, lest the last millisecond be waited for in a busy loop.
    if left <= 0.0 or not poll.poll(math.ceil(left * 1000.0)):
        raise TimeoutError
