"""What an installation writes and runs, as data: shown by a dry run, or done."""

from dataclasses import dataclass
from pathlib import Path

from fer_edge.credentials import SECRETS, STORE, stored_name
from fer_edge.service.units import (
    CONFIG,
    SERVICE,
    TEMPLATE,
    UNITS,
    USER,
    for_command,
    read_file,
)
from fer_edge.state import SYSTEM


@dataclass(frozen=True, slots=True)
class Write:
    """A file with a content."""

    path: Path
    content: str
    mode: int = 0o644
    group: str = ""
    """Who may read it besides root and, by the mode, others; empty for root."""
    kept: bool = False
    """Whether one that is there stays as it is."""
    folder_mode: int = 0o755
    """Of its folder, where that is not there yet."""

    def __str__(self) -> str:
        return f"write {self.path}" + (" (kept where it is there)" if self.kept else "")


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or a folder with all that it holds."""

    path: Path

    def __str__(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """A command."""

    arguments: tuple[str, ...]
    needed: bool = True
    """Whether a failure ends it all; else it is told."""
    rooted: bool = False
    """Whether it takes ``--root=``, and so works on another machine's image, too."""

    def __str__(self) -> str:
        return f"run {' '.join(self.arguments)}"


Step = Write | Remove | Run

RESTART = Run(("systemctl", "restart", SERVICE))
"""What starts it at once, and not only with the machine."""

_CORAL_SUBSYSTEMS = ("--subsystem-match=usb", "--subsystem-match=apex")


def installation(command: Path) -> list[Step]:
    """Return what puts the service on a machine, in order.

    Args:
        command: ``fer-edge``, as the service is to start it.
    """
    steps: list[Step] = [
        Write(unit.path, for_command(read_file(unit.name), command)) for unit in UNITS
    ]
    return [
        *steps,
        Run(("systemd-sysusers", UNITS[0].path.name), rooted=True),
        # A network camera's password may stand in it.
        Write(CONFIG, read_file("fer-edge.toml"), 0o640, group=USER, kept=True),
        # In a container there may be no udev.
        Run(("udevadm", "control", "--reload"), needed=False),
        Run(("udevadm", "trigger", *_CORAL_SUBSYSTEMS), needed=False),
        Run(("systemctl", "daemon-reload")),
        Run(("systemctl", "enable", SERVICE), rooted=True),
    ]


def storing(name: str, secret: str) -> Write:
    """Return what gives the service a secret from its next start on.

    Args:
        name: one of ``SECRETS``.
        secret: of one line.
    """
    path = STORE / stored_name(name)
    return Write(path, f"{secret}\n", 0o600, folder_mode=0o700)


def removal(*, purge: bool) -> list[Step]:
    """Return what takes the service off a machine, in order.

    Args:
        purge: whether configuration, secrets, models, waiting events and user go, too.
    """
    steps: list[Step] = [
        # It need not be there, or only in part.
        Run(("systemctl", "stop", SERVICE, "fer-edge@*.service"), needed=False),
        # The template stands for all of its instances.
        Run(("systemctl", "disable", SERVICE, TEMPLATE), needed=False, rooted=True),
        *(Remove(unit.path) for unit in UNITS),
        Run(("systemctl", "daemon-reload")),
        Run(("systemctl", "reset-failed", SERVICE), needed=False),
    ]
    if purge:
        steps += [Remove(SYSTEM), Remove(CONFIG.parent)]
        steps += [Remove(STORE / stored_name(name)) for name in SECRETS]
        steps += [Run(("userdel", USER), needed=False)]
    return steps
