"""What a process has written, sent and opened, by strace."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker import await_that

# All by which bytes leave a process; through a shared mapping only after an opening.
_OUTWARD = (
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg",
    "sendmmsg",
)  # fmt: skip
_UNSEEN = (
    "io_uring_setup", "sendfile", "splice", "vmsplice", "tee", "copy_file_range",
    "process_vm_writev",
)  # fmt: skip
"""These would carry bytes that strace does not show."""
_OPENING = ("open", "openat", "openat2", "creat", "memfd_create")

# Every text and every path is written in hexadecimal digits, so none can hold a quote.
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_NAME = re.compile(r"^\w+\(\d+<((?:[^->]|->?)*)>")
_HEX = re.compile(r"\\x([0-9a-f]{2})")
_MOST_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes that have left a process."""

    place: str
    """Path of a file, or kind and addresses of a socket."""
    content: bytes


class Trace:
    """What the threads and children of a program do from its start on.

    Args:
        folder: for what strace writes, and for a program to be started instead.
        program: to be traced.
    """

    def __init__(self, folder: Path, program: Path) -> None:
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("strace is missing: apt-get install strace")
        self._folder = folder / "trace"
        self._folder.mkdir()
        self.program = folder / "traced"
        calls = ",".join((*_OUTWARD, *_UNSEEN, *_OPENING))
        # Beside it, not above it (-D): signals then reach the program itself.
        self.program.write_text(
            f"#!/bin/sh\nexec {strace} -D -ff --seccomp-bpf -yy -xx -s {_MOST_BYTES} "
            f'-e signal=none -e trace={calls} -o {self._folder}/of {program} "$@"\n'
        )
        self.program.chmod(0o755)

    def await_end(self) -> None:
        """Wait until all that is traced has ended, and all that it did is written."""
        await_that(self._has_ended, "the end of what is traced")

    @property
    def sent(self) -> list[Sent]:
        """All that was written and sent, a call each."""
        found = []
        for line in self._lines(_OUTWARD):
            named = _NAME.match(line)
            assert named, line[:200]
            texts = _TEXT.findall(line)
            assert not any(shortened for _, shortened in texts), line[:200]
            content = b"".join(_bytes(text) for text, _ in texts)
            found.append(Sent(_plain(named[1]), content))
        return found

    @property
    def opened_for_writing(self) -> set[str]:
        """Files, by their paths; those that only exist in memory, too."""
        found = set()
        for line in self._lines(_OPENING):
            alone = line.startswith(("creat(", "memfd_create("))
            if alone or re.search(r"\bO_(?:WRONLY|RDWR|CREAT|TMPFILE|APPEND)\b", line):
                text = _TEXT.search(line)
                if text and not re.search(r"= -1 E[A-Z]+ \(", line):
                    found.add(_bytes(text[1]).decode())
        return found

    @property
    def unseen(self) -> list[str]:
        """Calls that may have carried bytes which nothing here shows."""
        return self._lines(_UNSEEN)

    def _lines(self, calls: tuple[str, ...]) -> list[str]:
        beginnings = tuple(f"{call}(" for call in calls)
        return [
            line
            for path in sorted(self._folder.iterdir())
            for line in path.read_text().splitlines()
            if line.startswith(beginnings)
        ]

    def _has_ended(self) -> bool:
        paths = list(self._folder.iterdir())
        last = [path.read_text().rstrip().rpartition("\n")[2] for path in paths]
        return bool(paths) and all(line.startswith("+++ ") for line in last)


def _bytes(digits: str) -> bytes:
    return bytes.fromhex(digits.replace("\\x", ""))


def _plain(name: str) -> str:
    return _HEX.sub(lambda digits: chr(int(digits[1], 16)), name)
