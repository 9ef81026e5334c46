"""How the service is, as systemd tells it."""

import subprocess
from collections.abc import Mapping

from fer_contract.errors import RefusedError
from fer_edge.service.units import SERVICE

_PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "NRestarts",
    "StateChangeTimestamp",
    "StatusText",
)

_SECONDS = 30.0

_OWN_WORDS = "fer-edge: "
"""What the command's last line begins with; those of systemd and of the log do not."""

_ENDS = {
    "1": "refused: a damaged file, or a failed self-test",
    "2": "the configuration, or the installation",
    "3": "the camera was lost",
}
"""What the daemon's exit codes mean."""


def ask(unit: str = SERVICE) -> dict[str, str]:
    """Return the properties of a unit.

    Raises:
        RefusedError: systemd does not answer.
    """
    command = ["systemctl", "show", unit, f"--property={','.join(_PROPERTIES)}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise RefusedError("systemctl: no such command; systemd is needed") from None
    except subprocess.TimeoutExpired:
        raise RefusedError(f"systemctl: no answer within {_SECONDS:g} s") from None
    if done.returncode:
        raise RefusedError(f"systemctl: {done.stderr.strip() or done.returncode}")
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: value for key, _, value in pairs}


def last_words(unit: str = SERVICE) -> str:
    """Return why the daemon has ended, as it said; empty if this user may not know."""
    command = ["journalctl", "--quiet", "--output=cat", "--lines=50", f"--unit={unit}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    said = [line for line in done.stdout.splitlines() if line.startswith(_OWN_WORDS)]
    return said[-1].removeprefix(_OWN_WORDS) if said else ""


def is_well(found: Mapping[str, str]) -> bool:
    """Tell whether frames are processed."""
    return found.get("ActiveState") == "active"


def described(
    found: Mapping[str, str], unit: str = SERVICE, words: str = ""
) -> list[str]:
    """Put it into lines, the last of which says what to do where it is not well.

    Args:
        found: its properties.
        unit: its name.
        words: the last of the daemon, for where it is not well.
    """
    load = found.get("LoadState", "not-found")
    if load == "not-found":
        return [f"{unit}: not installed; sudo fer-edge service install"]
    if load != "loaded":
        return [f"{unit}: the unit is {load}; systemctl status {unit}"]
    since = found.get("StateChangeTimestamp", "")
    state = f"{found.get('ActiveState')} ({found.get('SubState')})"
    boot = "starts" if found.get("UnitFileState") == "enabled" else "does not start"
    lines = [
        f"{unit}: {state}" + (f" since {since}" if since else ""),
        f"with the machine: {boot}",
        f"restarts: {found.get('NRestarts', '0')}",
    ]
    if text := found.get("StatusText"):
        lines.append(f"now: {text}")
    status = found.get("ExecMainStatus", "0")
    if not is_well(found) and (end := _ENDS.get(status)):
        lines.append(f"ended with {status}: {end}")
        if words:
            lines.append(f"it said: {words}")
    elif not is_well(found) and found.get("Result") not in ("success", None):
        lines.append(f"ended: {found['Result']}")
    if not is_well(found):
        lines.append(f"more: journalctl -u {unit.removesuffix('.service')} -n 50")
    return lines
