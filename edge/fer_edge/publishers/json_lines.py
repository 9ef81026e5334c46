"""Events as lines of JSON, for journald, `jq` or a file."""

import errno
import os
import stat
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from fer_edge.errors import ConfigurationError
from fer_edge.events import Event
from fer_edge.options import option
from fer_edge.publishers.queued import Queued

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class JsonLinesSettings:
    """Events as lines of JSON."""

    path: str = option("-", example="/var/lib/fer-edge/events.jsonl")
    """Where events are written, a line each: "-" is standard output (with systemd the
    journal), empty is nowhere, and all else is a file that they are appended to.
    logrotate may rename it at any time; the next event begins a new one."""

    def open_publisher(self, name: str) -> Queued | None:
        """Return what writes the lines, behind a queue; None if nothing shall.

        Raises:
            ConfigurationError: standard output is closed, or the file cannot be opened.
        """
        if not self.path:
            return None
        standard = self.path == "-"
        lines = standard_output() if standard else LinesFile(Path(self.path))
        return Queued(name, lines)


def standard_output() -> "JsonLines":
    """Return what writes the lines to standard output.

    Raises:
        ConfigurationError: it is closed.
    """
    if sys.stdout is None:
        raise ConfigurationError("standard output: closed; the events go there")
    return JsonLines(sys.stdout)


class JsonLines:
    """Writes each event at once, so that a reader never waits for the next.

    Args:
        stream: standard output or an open file; written to past its buffer, which
            would keep what a full disk refuses, and not closed here.
    """

    def __init__(self, stream: TextIO) -> None:
        self._writer = _LineWriter(stream.fileno())

    def publish(self, event: Event) -> None:
        """Write a line."""
        self._writer.write(event)

    def close(self) -> None:
        """Nothing is under way: each line was written at once."""


class LinesFile:
    """Appends each event at once to a file that may be renamed or removed meanwhile.

    Args:
        path: the file, made for its owner and group where it is missing.

    Raises:
        ConfigurationError: it cannot be opened. That the disk is full is no reason:
            there may be room later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: _LineWriter | None = None
        self._writing = threading.Lock()
        try:
            self._open()
        except OSError as failure:
            if failure.errno not in _FULL:
                complaint = f"json_lines.path: {path}: {failure.strerror}"
                raise ConfigurationError(complaint) from failure

    def publish(self, event: Event) -> None:
        """Write a line, or nothing of it.

        Raises:
            OSError: it could not be written.
        """
        with self._writing:
            writer = self._writer
            if writer is None or not writer.is_at(self._path):
                writer = self._open()
            writer.write(event)

    def close(self) -> None:
        """Close the file, unless a line hangs in it, as on a network that is gone."""
        if self._writing.acquire(blocking=False):
            self._let_go()
            self._writing.release()

    def _open(self) -> "_LineWriter":
        self._let_go()
        # Read for its last byte. Should it be a named pipe, nobody waits for a reader.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        self._writer = _LineWriter(os.open(self._path, flags, 0o640))
        return self._writer

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            os.close(writer.descriptor)


class _LineWriter:
    """Writes lines to an open file, whole or not at all where that is possible."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._torn = _is_torn(descriptor)
        """Whether half a line stands at the end, which must be ended first."""

    def is_at(self, path: Path) -> bool:
        """Tell whether this is the file that has the path now."""
        try:
            there = path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self.descriptor))

    def write(self, event: Event) -> None:
        line = f"{event.to_json()}\n".encode()
        line = b"\n" + line if self._torn else line
        written = 0
        try:
            while written < len(line):
                written += os.write(self.descriptor, line[written:])
        except OSError:
            # What did not fit, as on a full disk, may fit later.
            if written and not _take_back(self.descriptor, written):
                self._torn = True
            raise
        self._torn = False


def _is_torn(descriptor: int) -> bool:
    """Tell whether a file was left in the middle of a line, as by a power cut."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return False
    try:
        return os.pread(descriptor, 1, status.st_size - 1) != b"\n"
    except OSError:  # may only be written
        return False


def _take_back(descriptor: int, count: int) -> bool:
    """Remove the bytes that were written last; return whether that could be done."""
    try:
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if end != os.fstat(descriptor).st_size:
            return False
        os.ftruncate(descriptor, end - count)
        os.lseek(descriptor, end - count, os.SEEK_SET)
    except OSError:  # not a file: a pipe, a terminal, a socket
        return False
    return True
