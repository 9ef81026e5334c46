"""Programs of this package in a process of their own, apart from what they may kill."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def child_command(module: str, *arguments: str) -> list[str]:
    """Return what starts a module of this package as a process."""
    # -P: nothing that lies in the working directory is imported.
    return [sys.executable, "-P", "-m", module, *arguments]


def signal_name(number: int) -> str:
    """Return what a signal that ended a process is called."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def end_with_parent(parent: int) -> None:
    """Have this process killed when the thread that started it ends.

    A process that hangs in a driver does not see its pipe close.

    Args:
        parent: process id of who started it.
    """
    # The parent ends this process; Ctrl-C and a stop of the service are its affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this was in force
        sys.exit(1)


def take_output() -> int:
    """Return standard output's descriptor, for answers alone.

    What libraries print is no answer: it goes to standard error from now on.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers
