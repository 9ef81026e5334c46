"""The Edge TPU's process, seen from the daemon."""

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fer_contract.errors import one_line
from fer_contract.preprocess import Pixels
from fer_edge.child import child_command, signal_name
from fer_edge.classifiers.wire import Kind, Message, Wire

_LOGGER = logging.getLogger(__name__)

Outputs = npt.NDArray[np.uint8]

_LIBRARY = "libedgetpu.so.1"

# Of a process's standard error: so many lines are logged, each of so many bytes.
_MOST_LINES = 100
_LONGEST_LINE = 300

# Seconds for what a process wrote last to be read after its end; something that it
# started may keep the pipe open for ever.
_LAST_WORDS_SECONDS = 1.0


def edgetpu_command(model: Path, device: str, library: str = _LIBRARY) -> list[str]:
    """Return what starts the Edge TPU's process, but for the daemon's process id.

    Args:
        model: the compiled file.
        device: as libedgetpu names it; empty for the first one.
        library: libedgetpu; empty for a plain model on the processor.
    """
    module = "fer_edge.classifiers.edgetpu_child"
    return child_command(module, str(model), library, device)


class ProcessError(Exception):
    """The process did not do what it is for; the message says why.

    Args:
        reason: for people.
        hopeless: no further start can help.
    """

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(one_line(reason))
        self.hopeless = hopeless


class EdgeTpuProcess:
    """A started process.

    One that was started by a thread is killed when that thread ends.

    Args:
        command: what to run; the daemon's process id is added to it.

    Raises:
        OSError, RuntimeError: the system has no process or thread to give.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*command, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # Ctrl-C in a terminal is for the daemon
        )
        # Unbuffered pipes, as asked for.
        self._faces = cast(io.FileIO, self._process.stdin)
        self._answers = cast(io.FileIO, self._process.stdout)
        complaints = cast(io.FileIO, self._process.stderr)
        self._wire = Wire(self._answers.fileno(), self._faces.fileno())
        self._number = 0
        # Held while descriptors are used, and while the process id is sure to be its.
        self._talking, self._reaping = threading.Lock(), threading.Lock()
        self._lines: deque[str] = deque(maxlen=1)
        self._reader = threading.Thread(
            target=_log_lines,
            args=(complaints, self._lines),
            name="edgetpu-stderr",
            daemon=True,
        )
        try:
            self._reader.start()
        except RuntimeError:
            complaints.close()
            self.kill()
            self.wait()
            raise

    def facts(self, until: float) -> Mapping[str, Any]:
        """Wait until the model is loaded; return what it is.

        Args:
            until: seconds of ``time.monotonic`` at which to give up.

        Raises:
            ProcessError: it refused, or said something else.
            TimeoutError, EOFError: it said nothing, or ended; ``wait`` tells how.
        """
        message = self._receive(until)
        if message.kind in (Kind.FAILED, Kind.HOPELESS):
            reason = message.content.decode(errors="replace")
            raise ProcessError(reason, hopeless=message.kind is Kind.HOPELESS)
        if message.kind is Kind.READY:
            with contextlib.suppress(ValueError):
                facts = json.loads(message.content)
                if isinstance(facts, dict):
                    return facts
        raise ProcessError(f"says {message.content[:40]!r}")

    def quantized(self, face: Pixels, classes: int, until: float) -> Outputs:
        """Classify one face.

        Args:
            face: uint8 (H, W, 1), 0-255.
            classes: how many outputs there must be.
            until: seconds of ``time.monotonic`` at which to give up.

        Returns:
            uint8 (C,).

        Raises:
            ProcessError: the answer is none.
            TimeoutError, EOFError: it did not answer, or ended; ``wait`` tells how.
        """
        with self._talking:
            if self._faces.closed:
                raise EOFError
            self._number = (self._number + 1) % (1 << 32)
            self._wire.send(Message(Kind.FACE, self._number, face.tobytes()), until)
            answer = self._receive(until)
        seen = (answer.kind, answer.number, len(answer.content))
        wanted = (Kind.OUTPUTS, self._number, classes)
        if seen != wanted:
            raise ProcessError(
                f"answers {_described(*seen)}; {_described(*wanted)} is wanted"
            )
        return np.frombuffer(answer.content, dtype=np.uint8)

    def _receive(self, until: float) -> Message:
        try:
            return self._wire.receive(until)
        except ValueError as mistake:
            raise ProcessError(f"says {mistake}") from mistake

    def dismiss(self) -> None:
        """Have it end by itself, as it does when its pipe is closed."""
        with self._talking:
            self._faces.close()

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        with self._reaping:
            # Popen.kill would also take the zombie that ``wait`` waits for.
            if self._process.returncode is None:
                os.kill(self._process.pid, signal.SIGKILL)

    def wait(self) -> str:
        """Wait for its end, clear up behind it, and tell how it ended."""
        # It stays a zombie, whose id no other process has, until the lock is held.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._reaping:
            code = self._process.wait()
        with self._talking:
            self._faces.close()
            self._answers.close()
        if self._reader.ident is not None:
            self._reader.join(_LAST_WORDS_SECONDS)
        end = f"ended by {signal_name(-code)}" if code < 0 else f"ended with {code}"
        return ": ".join([end, *self._lines])


def _described(kind: Kind, number: int, length: int) -> str:
    return f"{kind.name} {number} of {length} bytes"


def _log_lines(stream: io.FileIO, last: deque[str]) -> None:
    """Log the first lines of a stream and keep its last one, until it ends."""
    with io.BufferedReader(stream) as lines:
        count = 0
        # A line without an end comes in pieces.
        while line := lines.readline(_LONGEST_LINE):
            text = one_line(line.decode(errors="replace").strip())
            if not text:
                continue
            last.append(text)
            count += 1
            if count <= _MOST_LINES:
                _LOGGER.debug("Edge TPU: %s", text)
            elif count == _MOST_LINES + 1:
                _LOGGER.debug("Edge TPU: no more of its lines are logged")
