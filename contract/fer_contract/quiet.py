"""Keep the start-up chatter of native libraries off the terminal."""

import contextlib
import faulthandler
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def native_messages_to_log() -> Iterator[None]:
    """Send what is written to file descriptor 2 to the log, at level DEBUG.

    TensorFlow and LiteRT write lines about processors and delegates there before
    any of their own settings are read. If the block fails, nothing is held back:
    the lines are printed, since one of them may be the reason.
    """
    _flush()
    try:
        terminal = os.dup(2)
    except OSError:  # closed by whoever started us: nothing to keep clean
        yield
        return
    # A crash in native code would take the lines with it; this much is still said.
    watching = not faulthandler.is_enabled()
    if watching:
        faulthandler.enable(terminal, all_threads=False)
    with _spool() as spool:
        os.dup2(spool.fileno(), 2)
        failed = False
        try:
            yield
        except Exception:  # Ctrl-C is no failure that they would explain
            failed = True
            raise
        finally:
            _flush()
            os.dup2(terminal, 2)
            if watching:
                faulthandler.disable()
            os.close(terminal)
            spool.seek(0)
            written = spool.read()
            if failed:
                with contextlib.suppress(OSError):
                    os.write(2, written)
    for line in written.decode(errors="replace").splitlines():
        _LOGGER.debug("%s", line)


def _flush() -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def _spool() -> IO[bytes]:
    """Open a nameless file; in memory where that can be: a service may not write."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("native messages"), "w+b")
    return tempfile.TemporaryFile()
