"""What a check is, what it is given, and what it finds."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fer_contract.errors import one_line
from fer_edge.config import Config
from fer_edge.doctor.asking import World, closed_folder
from fer_edge.doctor.unit import Unit

AS_ROOT = 'sudo "$(which fer-edge)" doctor'
"""What looks with the rights of the service. sudo has a PATH of its own."""


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    NOTE = "note"
    """The daemon does its work; it could do better, or soon will not."""
    WRONG = "wrong"
    SKIPPED = "skipped"
    """Not asked for, or not to be found out from here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found, for one line."""

    verdict: Verdict
    says: str
    """What is there, or what is wrong with it."""
    mend: str = ""
    """The command, or the deed, that mends it; empty where there is nothing to mend."""


def ok(says: str) -> Finding:
    """Find that something is as it should be."""
    return Finding(Verdict.OK, one_line(says))


def note(says: str, mend: str = "") -> Finding:
    """Find something worth knowing."""
    return Finding(Verdict.NOTE, one_line(says), one_line(mend))


def wrong(says: str, mend: str) -> Finding:
    """Find something that keeps the daemon from its work."""
    return Finding(Verdict.WRONG, one_line(says), one_line(mend))


def skipped(says: str) -> Finding:
    """Tell why nothing was looked at."""
    return Finding(Verdict.SKIPPED, one_line(says))


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to look at."""

    world: World
    unit: Unit
    config: Config | None = None
    """None where there is none; the machine alone is looked at then."""
    path: Path | None = None
    """Of the configuration."""
    mistakes: tuple[str, ...] = ()
    """In it, a line each."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to find out."""

    name: str
    about: str
    """For the list of all."""
    look: Callable[[Case], Finding]
    needs_config: bool = False
    """Whether there is nothing to look at without a configuration."""
    apart: bool = False
    """Whether it is done in a process of its own, with the service's rights: all that
    loads native code, opens a device, asks the network, or depends on rights."""
    seconds: float = 30.0
    """Of a process of its own, at most. A Pi Zero takes ten to load OpenCV."""


def shut_out(case: Case, path: Path) -> Finding | None:
    """Find what keeps the daemon from a file, whatever the rights of the file are.

    After it the path may be asked about without a PermissionError.
    """
    if not case.unit.lets_write(path):
        return wrong(
            f"{path}: the unit's ProtectSystem=strict lets nobody write there",
            f"sudo systemctl edit fer-edge: [Service] ReadWritePaths={path.parent}",
        )
    if closed := closed_folder(path):
        says = f"{closed}: may not be entered, on the way to {path.name}"
        return forbidden(case, says, f"sudo chmod a+x {closed}")
    return None


def check_command(path: Path) -> str:
    """Return what tells every mistake in a configuration."""
    # As whom we look now is not who is told: that of the service is read by sudo.
    try:
        is_for_all = path.stat().st_mode & stat.S_IROTH
    except OSError:  # its folder is closed to us
        is_for_all = 0
    return f"{'' if is_for_all else 'sudo '}fer-edge check {path}"


def forbidden(case: Case, says: str, mend: str) -> Finding:
    """Find that a right is missing; or that only the service's user would know."""
    if case.unit.is_of_others:
        return note(f"{says} by this user, who is not the service's", AS_ROOT)
    return wrong(says, mend)
