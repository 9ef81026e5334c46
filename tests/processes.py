"""The three commands, run as a user runs them."""

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import command_server


def run_command(
    name: str, *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``fer-train``, ``fer-convert`` or ``fer-edge`` and return what it did."""
    program = Path(sys.executable).parent / name
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def run_forked(
    name: str | Path,
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``fer-train`` or ``fer-convert`` without the seconds that imports take.

    For where the start itself is not what is tested: what the imports print is gone,
    and the hashes of two runs are the same. See command_server.py.

    Args:
        name: of the command, or a program's file.
        arguments: its own.
        environment: instead of this process's; its KERAS_BACKEND is imported.
    """
    process = Forked(name, *arguments, environment=environment)
    said, complaints = process.communicate()
    return subprocess.CompletedProcess(
        [name, *arguments], process.wait(), said, complaints
    )


class Forked:
    """A program under way, as ``subprocess.Popen`` shows one; see ``run_forked``.

    Attributes:
        pid: of the process.
        stdout: what it prints, line by line.
        returncode: negative for the signal that killed it; None while it goes on.
    """

    def __init__(
        self,
        name: str | Path,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.returncode: int | None = None
        reading, printing = os.pipe()
        self.stdout = os.fdopen(reading)
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115
        waiting, reporting = os.pipe()
        self._report = os.fdopen(waiting)
        request = {
            "program": os.fspath(name),
            "arguments": [os.fspath(argument) for argument in arguments],
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(Path.cwd()),
        }
        try:
            socket.send_fds(
                _server(),
                [json.dumps(request).encode()],
                [printing, self._stderr.fileno(), reporting],
            )
        finally:
            os.close(printing)
            os.close(reporting)
        self.pid = self._next_number()

    def _next_number(self) -> int:
        line = self._report.readline()
        if not line:
            raise RuntimeError("command_server.py has ended")
        return int(line)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it, as long as the process has not been waited for."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with no warning."""
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Return how it ended, once it has."""
        if self.returncode is None:
            self.returncode = self._next_number()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what it printed and what it complained of, once it has ended.

        Raises:
            TimeoutError: it had to be killed after so many seconds.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(timeout or threading.TIMEOUT_MAX, end)
        timer.daemon = True
        timer.start()
        with self:
            said = self.stdout.read()
            self.wait()
            self._stderr.seek(0)
            complaints = self._stderr.read()
        timer.cancel()
        if late.is_set():
            raise TimeoutError(f"killed after {timeout} s; so far: {said}{complaints}")
        return said, complaints

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        self.stdout.close()  # who goes on printing is not to wait for a reader
        self.wait()
        self._stderr.close()
        self._report.close()


class CommandServer:
    """The process that forks the programs, until ``close`` or the end of this one.

    It is started by the process that starts the tests, whose environment tells all
    others where to ask.
    """

    def __init__(self) -> None:
        # Not where TMPDIR says: a socket's path may have 108 characters. A program that
        # is still ending may write into it.
        self._folder = tempfile.TemporaryDirectory(
            dir="/tmp", ignore_cleanup_errors=True
        )
        path = str(Path(self._folder.name) / "socket")
        self._owner, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, theirs:
            listener.bind(path)
            listener.listen()
            given = (listener.fileno(), theirs.fileno())
            self._process = subprocess.Popen(
                [
                    sys.executable, command_server.__file__,
                    *map(str, given), self._folder.name,
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=given,
            )  # fmt: skip
        os.environ[_ADDRESS] = path

    def close(self) -> None:
        """Have it end, and wait for that."""
        self._owner.close()
        self._process.wait()
        self._folder.cleanup()


_ADDRESS = "FER_COMMAND_SERVER"


@functools.cache
def _server() -> socket.socket:
    """Return this process's connection; outputs are sent along with each request."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(os.environ[_ADDRESS])
    return server
