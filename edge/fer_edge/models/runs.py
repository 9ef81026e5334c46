"""Runs of the daemon, told apart by the kernel."""

import os
from pathlib import Path

from fer_edge.models.probation import Run
from fer_edge.process import began

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_run() -> Run:
    """Return what tells this process from all others, ever."""
    try:
        boot = _BOOT.read_text().strip()
    except OSError:  # systemd's ProcSubset=pid: every end then counts as a death
        boot = ""
    pid = os.getpid()
    return Run(boot, pid, began(pid) or 0)


def is_alive(run: Run, here: Run) -> bool:
    """Tell whether a run goes on.

    Args:
        run: any.
        here: this one.
    """
    return run.boot == here.boot and began(run.pid) == run.began
