"""How the journal learns how serious a line is, where standard error leads there.

Without it all lines are alike to ``journalctl --priority=warning``. See sd-daemon(3).
"""

import logging
import os

STANDARD_ERROR = 2
"""Its descriptor."""

_PRIORITIES = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
"""syslog's, of logging's levels."""


def marked(text: str, level: int) -> str:
    """Return lines with their priority before each.

    Args:
        text: lines.
        level: one of logging's own.
    """
    priority = _PRIORITIES.get(level, _PRIORITIES[logging.INFO])
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


class MarkingFormatter(logging.Formatter):
    """Formats a record as lines with their priority."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return marked(super().format(record), record.levelno)


def is_journal(descriptor: int = STANDARD_ERROR) -> bool:
    """Tell whether this is what systemd has connected to its journal.

    A program that inherits the variable may have another standard error.
    """
    given = os.environ.get("JOURNAL_STREAM")
    if given is None:
        return False
    try:
        found = os.fstat(descriptor)
    except OSError:  # closed by whoever started us
        return False
    return given == f"{found.st_dev}:{found.st_ino}"
