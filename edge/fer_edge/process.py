"""What a process holds, and since when it has been there; Linux tells."""

import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_STARTED_FIELD = 19  # of /proc/…/stat behind the name, proc(5)'s "starttime"


def resident_bytes() -> int:
    """Return the resident set size of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def began(pid: int) -> int | None:
    """Return when a process began, in the kernel's ticks; None if it is not there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # Behind the last bracket: a program's name may hold blanks and brackets.
    return int(stat.rpartition(")")[2].split()[_STARTED_FIELD])


def seconds_since_start() -> float:
    """Return how long ago this process began, to a hundredth of a second."""
    ticks = began(os.getpid())
    assert ticks is not None, "/proc is not there"
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS
