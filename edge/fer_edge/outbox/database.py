"""How this package speaks to SQLite, and what it makes of its complaints."""

import contextlib
import errno
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

# Another program that looks into the file, `sqlite3` say, may hold it for a moment.
_BUSY_SECONDS = 1.0

_CACHE_KILOBYTES = 1000

# Of everything else that SQLite complains of, the file itself is the cause.
_REFUSALS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


class DiskError(Exception):
    """The disk does not take or give it now; the file may be sound."""


class FullError(DiskError):
    """The disk has no room left."""


class InUseError(DiskError):
    """Another process keeps its events there."""


class DamagedError(Exception):
    """The file is not what was written."""


@contextlib.contextmanager
def told_apart() -> Iterator[None]:
    """Turn what goes wrong with a file into one of the two errors.

    Raises:
        DiskError: the disk.
        DamagedError: the file.
    """
    try:
        yield
    except OSError as failure:
        full = failure.errno in (errno.ENOSPC, errno.EDQUOT)
        kind = FullError if full else DiskError
        raise kind(failure.strerror or str(failure)) from failure
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as failure:
        # The low byte; the rest tells more than is wanted here.
        code = failure.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise FullError(str(failure)) from failure
        if code in _REFUSALS:
            raise DiskError(str(failure)) from failure
        raise DamagedError(str(failure)) from failure


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there; texts come as bytes, transactions are written out."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        # One thread at a time: those who call see to that.
        check_same_thread=False,
    )
    # A damaged text may not even be text.
    connection.text_factory = bytes
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
    return connection


def checksum(text: bytes) -> int:
    """Return what is stored beside a text, to know it by."""
    return zlib.crc32(text)
