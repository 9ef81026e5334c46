"""A hook's command as a process: fed, heard, and ended in time with all it started."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from fer_contract.errors import one_line

_LOOK_SECONDS = 0.05
"""How often it is seen whether the process has ended, or is to."""
_KILL_SECONDS = 5.0
"""For a killed process to be gone, unless the kernel holds it."""

_MOST_BYTES = 8192
"""Of a process' output; what is beyond is read and thrown away."""
_MOST_LINES = 20
_LONGEST_LINE = 300

_WITHHELD = (
    "CREDENTIALS_DIRECTORY",
    # The service's conversation with systemd, which is not the hook's.
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a process."""

    failure: str
    """How it ended, but for a good end; empty then."""
    lines: tuple[str, ...] = ()
    """The first lines of its output."""


def environment_for_hooks(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without passwords and what leads to them."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _WITHHELD and not name.startswith("FER_EDGE_")
    }


def run_process(
    command: Sequence[str], text: bytes, timeout_seconds: float, stop: threading.Event
) -> Finished:
    """Run a command to its end, or to that of its time.

    Args:
        command: program and arguments; no shell sees them.
        text: its standard input.
        timeout_seconds: then it is killed, and with it all that it has started.
        stop: kills it earlier.

    Returns:
        How it ended. What it has started and left behind in time runs on.

    Raises:
        OSError: it could not be started.
    """
    until = time.monotonic() + timeout_seconds
    process = subprocess.Popen(
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment_for_hooks(os.environ),
        start_new_session=True,  # its group is all that it starts
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    failure = ""
    # Closed after the kill: who writes to a closed pipe ends by that, and would be told
    # of as one that ended by itself, in time.
    with stdin, stdout:
        heard = _attend(process, stdin, stdout, text, until, stop)
        if process.poll() is None:
            failure = f"killed after {timeout_seconds:g} s"
            # Not yet waited for, it keeps its number. It may have become another
            # user's.
            with contextlib.suppress(PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        try:
            code = process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            return Finished(f"{failure}, but does not end", heard)
    return Finished(failure or _ending(code), heard)


def _attend(
    process: subprocess.Popen[bytes],
    stdin: IO[bytes],
    stdout: IO[bytes],
    text: bytes,
    until: float,
    stop: threading.Event,
) -> tuple[str, ...]:
    """Feed and hear a process until it has ended or must; return its first lines."""
    heard = b""
    with selectors.DefaultSelector() as selector:
        for stream, event in (
            (stdin, selectors.EVENT_WRITE),
            (stdout, selectors.EVENT_READ),
        ):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, event)
        running = True
        while running:
            # What it wrote before its end is read after it, once.
            running = (
                process.poll() is None
                and not stop.is_set()
                and time.monotonic() < until
            )
            for key, _ in selector.select(_LOOK_SECONDS if running else 0.0):
                if key.fileobj is stdout:
                    chunk = stdout.read(1 << 16)
                    heard += chunk[: _MOST_BYTES - len(heard)]
                    done = not chunk
                else:
                    text = text[_write(stdin.fileno(), text) :]
                    done = not text
                if done:
                    selector.unregister(key.fileobj)
                    if key.fileobj is stdin:
                        stdin.close()
    return tuple(
        one_line(line)[:_LONGEST_LINE]
        for line in heard.decode(errors="replace").splitlines()[:_MOST_LINES]
        if line.strip()
    )


def _write(descriptor: int, text: bytes) -> int:
    """Return how much was written; all of it if nobody wants to read it."""
    try:
        return os.write(descriptor, text)
    except BrokenPipeError:
        return len(text)


def _ending(code: int) -> str:
    if code < 0:
        return f"ended by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with {code}" if code else ""
