"""How the world is asked: files below a root, and commands with a deadline."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MOST_BYTES = 65_536
"""Of a file; those that are asked for have a line or a few."""


def is_there(path: Path) -> bool:
    """Tell whether a path leads to something; yes where it may not be told."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # in a folder of others
        return True
    return True


def closed_folder(path: Path) -> Path | None:
    """Return the folder on the way to a path that this user may not enter, if any."""
    for folder in reversed(path.absolute().parents):
        if not os.access(folder, os.X_OK):
            return folder if is_there(folder) else None
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    """0 is success; -1 that it was not there, could not be run, or had no end."""
    text: str
    """Its standard output; why there is none where it did not run."""


@dataclass(frozen=True, slots=True)
class World:
    """This machine; or, in tests, a folder that looks like one."""

    root: Path = Path("/")
    """Where /proc, /sys, /run, /etc and /dev are."""
    programs: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    """Folders of the commands, with colons between them."""
    command_seconds: float = 10.0
    """That a command may take."""

    def path(self, path: str) -> Path:
        """Return where an absolute path is in this world."""
        return self.root / path.removeprefix("/")

    def text(self, path: str) -> str | None:
        """Return what stands in a file, stripped; None if it cannot be read."""
        try:
            with self.path(path).open("rb") as stream:
                return stream.read(_MOST_BYTES).decode(errors="replace").strip()
        except OSError:
            return None

    def folders(self, path: str) -> Iterator[str]:
        """Yield the absolute paths of what is in a folder, sorted; none if it lacks."""
        try:
            names = sorted(entry.name for entry in self.path(path).iterdir())
        except OSError:
            return
        for name in names:
            yield f"{path}/{name}"

    def run(self, program: str, *arguments: str) -> Answer:
        """Run a command to its end, or to its deadline."""
        found = shutil.which(program, path=self.programs)
        if found is None:
            return Answer(-1, f"{program}: not installed")
        try:
            done = subprocess.run(
                [found, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=self.command_seconds,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            return Answer(-1, f"{program}: no end after {self.command_seconds:g} s")
        except OSError as failure:
            return Answer(-1, f"{program}: {failure.strerror}")
        return Answer(done.returncode, done.stdout.decode(errors="replace").strip())
