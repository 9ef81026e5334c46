"""The files of ``systemd/``, wherever the package lies, and what becomes of them."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from fer_edge.errors import ConfigurationError

SERVICE = "fer-edge.service"

TEMPLATE = "fer-edge@.service"

USER = "fer-edge"

CONFIG = Path("/etc/fer-edge/fer-edge.toml")
"""As fer-edge.service has it."""

_COMMAND = "/opt/fer-edge/bin/fer-edge"
"""As the units in the package have it."""

_HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))
"""What the unit's ProtectHome= and PrivateTmp= hide from the service."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of the package's, and where it belongs."""

    name: str
    """In ``systemd/``."""
    path: Path
    """On the machine."""


UNITS = (
    Placed("fer-edge.sysusers", Path("/etc/sysusers.d/fer-edge.conf")),
    Placed(SERVICE, Path("/etc/systemd/system/fer-edge.service")),
    Placed(TEMPLATE, Path("/etc/systemd/system/fer-edge@.service")),
    Placed(
        "60-fer-edge-coral.rules", Path("/etc/udev/rules.d/60-fer-edge-coral.rules")
    ),
)
"""All that is overwritten by a new installation, and removed by an uninstallation."""


def read_file(name: str) -> str:
    """Return a file of ``systemd/``: the wheel's, or the source's of an editable one.

    Raises:
        ConfigurationError: the installation is not whole.
    """
    installed = Path(sysconfig.get_path("data"), "share", "fer-edge", "systemd")
    source = Path(__file__).parents[3] / "systemd"
    for folder in (installed, source):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise ConfigurationError(f"{installed / name}: missing; install fer-edge anew")


def for_command(text: str, command: Path) -> str:
    """Return a unit that starts the daemon with a command."""
    return text.replace(_COMMAND, str(command))


def own_command(scripts: Path | None = None) -> Path:
    """Return the command ``fer-edge`` of this very installation.

    Args:
        scripts: the folder of its commands; that of this Python if not given.

    Raises:
        ConfigurationError: it is not there.
    """
    command = (scripts or Path(sysconfig.get_path("scripts"))) / "fer-edge"
    if not command.is_file():
        raise ConfigurationError(f"{command}: missing; install fer-edge anew")
    return command


def command_complaint(command: Path, *packages: Path) -> str:
    """Say what keeps the service from starting a command; empty if nothing does.

    Args:
        command: as the unit would have it.
        packages: what it imports that need not lie beside it, as an editable install's.
    """
    if any(character.isspace() or character in "%\"'\\$" for character in str(command)):
        return (
            f"{command}: a unit cannot name it; allowed is a path without spaces, "
            "quotes, % and $"
        )
    # A virtual environment's Python is a link to one that must be seen, too.
    python = (command.parent / "python3").resolve()
    for needed in (command, command.resolve(), python, *packages):
        for hidden in _HIDDEN:
            if needed.is_relative_to(hidden):
                return (
                    f"{needed}: the service does not see what lies in {hidden}; "
                    "install fer-edge elsewhere: "
                    "sudo python3 -m venv --system-site-packages /opt/fer-edge"
                )
    return ""
