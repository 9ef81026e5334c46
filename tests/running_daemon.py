"""``fer-edge run`` as a process, what it says, and how it ends."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

LONG = 60.0  # seconds; a deadline, a second is enough


class RunningDaemon:
    """The command, started at once.

    Args:
        program: the command.
        config: its configuration; what it says is kept beside it.
        stdout: descriptor to which its standard output goes instead of a file.
    """

    def __init__(
        self,
        program: Path,
        config: Path,
        stdout: int | None = None,
    ) -> None:
        self._said = config.with_suffix(".err")
        self._told = config.with_suffix(".out")
        with self._said.open("w") as said, self._told.open("w") as told:
            self.process = subprocess.Popen(
                [program, "run", "--config", config],
                stdout=told if stdout is None else stdout,
                stderr=said,
            )

    @property
    def said(self) -> list[str]:
        """The lines of its standard error."""
        return self._said.read_text().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has written to standard output, but for a line under way."""
        whole = self._told.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, word: str) -> None:
        """Wait until it has said a word."""
        self.wait_until(lambda: any(word in line for line in self.said))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, while it runs."""
        until = time.monotonic() + LONG
        while not condition():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.01)

    def end(self) -> list[str]:
        """Wait until it has ended by itself; return the lines that it has said."""
        try:
            assert self.process.wait(LONG) == 0, self.said
        finally:
            self.kill()
        return self.said

    def stop(self) -> list[str]:
        """Ask it to end; return the lines that it has said in all."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        self.process.kill()
        self.process.wait()


class StartDaemon(Protocol):
    """Starts the daemon with a configuration."""

    def __call__(self, config: Path, stdout: int | None = None) -> RunningDaemon: ...
