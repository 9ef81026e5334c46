"""How the service is, as systemd tells it."""

import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from fer_contract.errors import RefusedError
from fer_edge.errors import CameraLostError, ConfigurationError
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
    "InvocationID",
)

_SECONDS = 30.0

_OWN_WORDS = "fer-edge: "
"""What the command's last line begins with; those of systemd and of the log do not."""

_ENDS = {
    RefusedError.exit_code: "refused: a damaged file, or a failed self-test",
    ConfigurationError.exit_code: "the configuration, or the installation",
    CameraLostError.exit_code: "the camera was lost",
}
"""What the daemon's exit codes mean."""


_ENDED = ("auto-restart", "dead", "failed")
"""SubState of a unit without a process."""


def meaning_of_end(found: Mapping[str, str]) -> str:
    """Say what the exit code means with which the daemon ended; empty if it says none.

    Args:
        found: properties, Result and ExecMainStatus among them.
    """
    # Of a process that was killed the status is the number of the signal.
    code = found.get("ExecMainStatus", "") if found.get("Result") == "exit-code" else ""
    return _ENDS.get(int(code), "") if code.isdecimal() else ""


def question(unit: str, properties: Iterable[str]) -> tuple[str, ...]:
    """Return the command that asks systemd for properties of a unit."""
    return ("systemctl", "show", unit, f"--property={','.join(properties)}")


def facts_of(answer: str) -> dict[str, str]:
    """Return the properties of which systemd's answer tells, a line each."""
    pairs = (line.partition("=") for line in answer.splitlines())
    return {key: value for key, _, value in pairs}


def ask(unit: str = SERVICE) -> dict[str, str]:
    """Return the properties of a unit.

    Raises:
        RefusedError: systemd does not answer.
    """
    command = question(unit, _PROPERTIES)
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
    return facts_of(done.stdout)


def last_words(found: Mapping[str, str]) -> str:
    """Return why the daemon has ended, as it said; empty if this user may not know.

    Args:
        found: properties, InvocationID among them: an earlier run's words are not this
            one's.
    """
    run = f"_SYSTEMD_INVOCATION_ID={found.get('InvocationID', '')}"
    command = ["journalctl", "--quiet", "--output=cat", "--lines=50", run]
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


def as_json(
    found: Mapping[str, str], unit: str = SERVICE, words: str = ""
) -> dict[str, Any]:
    """Return it for programs; arguments as of ``described``."""
    return {
        "unit": unit,
        "installed": found.get("LoadState") == "loaded",
        "well": is_well(found),
        "starts_with_machine": found.get("UnitFileState") == "enabled",
        "state": found.get("ActiveState"),
        "substate": found.get("SubState"),
        "since": found.get("StateChangeTimestamp") or None,
        "restarts": int(found.get("NRestarts") or 0),
        "now": _status_text(found) or None,
        "result": found.get("Result"),
        "exit_status": int(found.get("ExecMainStatus") or 0),
        "said": words or None,
    }


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
    if text := _status_text(found):
        lines.append(f"now: {text}")
    if not is_well(found) and (end := meaning_of_end(found)):
        lines.append(f"ended with {found['ExecMainStatus']}: {end}")
        if words:
            lines.append(f"it said: {words}")
    elif not is_well(found) and found.get("Result") not in ("success", None):
        lines.append(f"ended: {found['Result']}")
    if not is_well(found):
        lines.append(f"more: journalctl -u {unit.removesuffix('.service')} -n 50")
    return lines


def _status_text(found: Mapping[str, str]) -> str:
    """Return how it is; of one that has ended that would be the last that it said."""
    ended = found.get("SubState") in _ENDED
    return "" if ended else found.get("StatusText", "")
