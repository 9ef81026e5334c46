"""Messages on pipes: whole, in order, in time, or an error that says what is wrong."""

import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.classifiers.wire import Kind, Message, Wire

_messages = st.builds(
    Message,
    kind=st.sampled_from(Kind),
    number=st.integers(0, 2**32 - 1),
    content=st.binary(max_size=99),
)
_HEADER = b"fer\x03\x01\x00\x00\x00\x04\x00\x00\x00"


class Pipes:
    """Two pipes, and a wire at one side of them."""

    def __init__(self) -> None:
        self.reading, self.far_writing = os.pipe()
        self.far_reading, self.writing = os.pipe()
        self.wire = Wire(self.reading, self.writing)

    def close_far_side(self) -> None:
        """Close the other side's ends."""
        for end in (self.far_writing, self.far_reading):
            os.close(end)

    def close_near_side(self) -> None:
        """Close the wire's ends."""
        for end in (self.reading, self.writing):
            os.close(end)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """Two pipes whose far side a test closes or not."""
    made = Pipes()
    yield made
    made.close_near_side()
    for end in (made.far_writing, made.far_reading):
        try:
            os.close(end)
        except OSError:  # the test did
            continue


def _soon() -> float:
    return time.monotonic() + 0.02


def _late() -> float:
    return time.monotonic() + 120.0


@given(sent=st.lists(_messages, max_size=9))
def test_messages(sent: list[Message]) -> None:
    """What is sent comes, in its order, whole."""
    pipes = Pipes()
    far = Wire(pipes.far_reading, pipes.far_writing)
    for message in sent:
        pipes.wire.send(message)
    assert [far.receive(_late()) for _ in sent] == sent
    pipes.close_near_side()
    with pytest.raises(EOFError):
        far.receive()
    pipes.close_far_side()


def test_bytes_on_the_pipe(pipes: Pipes) -> None:
    """A message is the header that is described, little-endian, and its content."""
    pipes.wire.send(Message(Kind.OUTPUTS, 1, b"abcd"))
    assert os.read(pipes.far_reading, 99) == _HEADER + b"abcd"
    for byte in _HEADER + b"abcd":
        with pytest.raises(TimeoutError):
            pipes.wire.receive(0.0)
        os.write(pipes.far_writing, bytes([byte]))
    assert pipes.wire.receive(_late()) == Message(Kind.OUTPUTS, 1, b"abcd")


def test_message_larger_than_the_pipe(pipes: Pipes) -> None:
    """It is sent and received piece by piece."""
    message = Message(Kind.FACE, 9, os.urandom(1 << 20))
    far = Wire(pipes.far_reading, pipes.far_writing)
    received: list[Message] = []
    reader = threading.Thread(target=lambda: received.append(far.receive(_late())))
    reader.start()
    pipes.wire.send(message, _late())
    reader.join()
    assert received == [message]


def test_other_side_that_does_not_read(pipes: Pipes) -> None:
    """A message that is not taken is given up in time."""
    with pytest.raises(TimeoutError):
        pipes.wire.send(Message(Kind.FACE, 9, bytes(1 << 20)), _soon())


@pytest.mark.parametrize("begun", [b"", _HEADER[:5], _HEADER + b"abc"])
def test_other_side_that_does_not_go_on(pipes: Pipes, begun: bytes) -> None:
    """A message that does not come, or not to its end, is given up in time."""
    os.write(pipes.far_writing, begun)
    with pytest.raises(TimeoutError):
        pipes.wire.receive(_soon())


@pytest.mark.parametrize("begun", [b"", _HEADER[:5], _HEADER + b"abc"])
def test_other_side_that_ends(pipes: Pipes, begun: bytes) -> None:
    """Its end is noticed at once, in either direction."""
    os.write(pipes.far_writing, begun)
    pipes.close_far_side()
    with pytest.raises(EOFError):
        pipes.wire.receive()
    with pytest.raises(EOFError):
        pipes.wire.send(Message(Kind.FACE, 1, b"abcd"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"INFO: Created TensorFlow Lite\n", "no message: b'INFO: Created Tensor'"),
        (b"fer\x03" + b"\xff" * 8, "no message: "),
        (b"fer\x63" + bytes(8), "99 is not a valid Kind"),
    ],
    ids=["text", "too long", "another kind"],
)
def test_garbage(pipes: Pipes, content: bytes, complaint: str) -> None:
    """What is no message is said to be none, and is shown."""
    os.write(pipes.far_writing, content)
    with pytest.raises(ValueError, match=complaint):
        pipes.wire.receive(_late())
