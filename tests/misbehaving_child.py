"""In the place of the Edge TPU's process: does what it is told to do wrong.

It speaks the protocol by its description, with Python's standard library alone, so it
starts in no time and shares no mistake with the code under test::

    python misbehaving_child.py KNOWN DEED AT GOOD_FROM PARENT

KNOWN is JSON: the facts of a model, and its outputs by the SHA-256 of a face. DEED is
done at face AT, counted from 1, or at the start if that is 0; a start that is the
GOOD_FROM-th or a later one does nothing wrong.
"""

import hashlib
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

READY, FACE, OUTPUTS, FAILED, HOPELESS = 1, 2, 3, 4, 5

_HEADER = struct.Struct("<3sBII")


def send(kind: int, number: int, content: bytes) -> None:
    """Write a message to standard output."""
    rest = _HEADER.pack(b"fer", kind, number, len(content)) + content
    while rest:
        rest = rest[os.write(1, rest) :]


def read(length: int, *, stay: bool) -> bytes:
    """Read from standard input; at its end, end, or stay as a hung driver would."""
    content = sys.stdin.buffer.read(length)
    if len(content) < length:
        time.sleep(3600.0 if stay else 0.0)
        sys.exit(0)
    return content


def complain_and_abort() -> None:
    """Die like libedgetpu after an error of USB."""
    os.write(2, b"usb_driver.cc:857] transfer on tag 2 failed. Abort.\n")
    os.abort()


def close_and_stay() -> None:
    """Give up the pipe, but live."""
    os.close(1)
    time.sleep(3600.0)


DEEDS: dict[str, Callable[[], object]] = {
    "abort": complain_and_abort,
    "chat": lambda: os.write(2, b"chatter\n" * 500),
    "close": close_and_stay,
    "exit": lambda: sys.exit(3),
    "fail": lambda: send(FAILED, 0, b"device busy\nor so"),
    "fine": lambda: None,
    "garbage": lambda: os.write(1, b"INFO: Created TensorFlow Lite delegate.\n"),
    "hang": lambda: time.sleep(3600.0),
    "late": lambda: time.sleep(5.0),
    "hopeless": lambda: send(HOPELESS, 0, b"no such library"),
    "odd": lambda: send(99, 0, b""),
    "odd facts": lambda: send(READY, 0, b"[1, 2"),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "stay": lambda: None,
}


def main() -> None:
    """Misbehave as the arguments say."""
    known_path, deed, at, good_from, _parent = sys.argv[1:]
    known = json.loads(Path(known_path).read_text())
    starts_path = Path(known_path).with_suffix(".starts")
    starts = 1 + (len(starts_path.read_text()) if starts_path.exists() else 0)
    starts_path.write_text("x" * starts)
    if starts >= int(good_from):
        deed = "fine"
    if at == "0":
        DEEDS[deed]()
    send(READY, 0, json.dumps(known["facts"]).encode())
    count = 0
    while True:
        _mark, _kind, number, length = _HEADER.unpack(
            read(_HEADER.size, stay=deed == "stay")
        )
        face = read(length, stay=False)
        outputs = known["outputs"].get(hashlib.sha256(face).hexdigest())
        answer = bytes.fromhex(outputs or known["otherwise"])
        count += 1
        if count == int(at):
            if deed == "short":
                answer = answer[:-1]
            elif deed == "stale":
                number -= 1
            else:
                DEEDS[deed]()
        send(OUTPUTS, number, answer)


if __name__ == "__main__":
    main()
