"""Runs of the daemon, told apart by the kernel."""

import os
from pathlib import Path

from fer_edge.models.probation import Run

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED_FIELD = 19  # of /proc/…/stat behind the name, proc(5)'s "starttime"


def this_run() -> Run:
    """Return what tells this process from all others, ever."""
    try:
        boot = _BOOT.read_text().strip()
    except OSError:  # systemd's ProcSubset=pid: every end then counts as a death
        boot = ""
    pid = os.getpid()
    return Run(boot, pid, _began(pid) or 0)


def is_alive(run: Run, here: Run) -> bool:
    """Tell whether a run goes on.

    Args:
        run: any.
        here: this one.
    """
    return run.boot == here.boot and _began(run.pid) == run.began


def _began(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # Behind the last bracket: a program's name may hold blanks and brackets.
    return int(stat.rpartition(")")[2].split()[_STARTED_FIELD])
