"""What this process holds, and for how long it has been there; Linux tells."""

import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_STARTED_FIELD = 19  # of /proc/self/stat behind the name, proc(5)'s "starttime"


def resident_bytes() -> int:
    """Return the resident set size of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def seconds_since_start() -> float:
    """Return how long ago this process began, to a hundredth of a second."""
    # Behind the last bracket: a program's name may hold blanks and brackets.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[_STARTED_FIELD]) / _TICKS
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
