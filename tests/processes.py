"""The three commands, run as a user runs them."""

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import command_server


def run_command(
    name: str, *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``fer-train``, ``fer-convert`` or ``fer-edge`` and return what it did."""
    program = Path(sys.executable).parent / name
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def run_forked(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``fer-train`` or ``fer-convert`` without the seconds that imports take.

    For where the start itself is not what is tested: what the imports print is gone,
    and the hashes of two runs are the same. See command_server.py.
    """
    given = [os.fspath(argument) for argument in arguments]
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        code = _server().run(name, given, (stdout.fileno(), stderr.fileno()))
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(
            [name, *given], code, stdout.read(), stderr.read()
        )


class _Server:
    """The process that forks the commands, one at a time."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, command_server.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )

    def run(self, name: str, arguments: list[str], outputs: tuple[int, int]) -> int:
        """Return the exit code, negative for the signal that killed it."""
        request = {
            "name": name,
            "arguments": arguments,
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
        }
        socket.send_fds(self._connection, [json.dumps(request).encode()], outputs)
        answer = self._connection.recv(16)
        if not answer:
            raise RuntimeError(f"command_server.py has ended: {self._process.wait()}")
        return int(answer)

    def close(self) -> None:
        """Have it end, and wait for that."""
        self._connection.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    """Return this process's own; it is started when first wanted."""
    server = _Server()
    atexit.register(server.close)
    return server
