"""Whether systemd runs the daemon, and how that goes."""

import os
import pwd

from fer_edge.doctor.checks import Case, Check, Finding, note, ok, skipped, wrong
from fer_edge.service.state import meaning_of_end
from fer_edge.service.units import SERVICE as UNIT

_LOG = f"journalctl -u {UNIT} -n 50"


def _look(case: Case) -> Finding:
    unit = case.unit
    if unit.lack:
        return skipped(unit.lack)
    facts = unit.facts
    match facts.get("LoadState", "not-found"):
        case "loaded":
            pass
        case "not-found":
            return note(
                f"systemd knows no {UNIT}: nobody starts the daemon with the machine",
                "sudo fer-edge service install",
            )
        case state:
            return wrong(
                f"the unit is {state}",
                f"systemctl status {UNIT}; sudo systemctl unmask {UNIT}",
            )
    if lost := _lost_source(case):
        return lost
    active, sub = facts.get("ActiveState", ""), facts.get("SubState", "")
    if active == "failed" or sub == "auto-restart":
        status = facts.get("ExecMainStatus", "")
        end = f"{facts.get('Result', 'failed')}, exit code {status}"
        meaning = f": {known}" if (known := meaning_of_end(facts)) else ""
        says = f"{active} ({end}){meaning}{_restarts(facts.get('NRestarts', ''))}"
        return wrong(says, _LOG)
    says = f"{active} ({sub}){_user(case)}"
    if facts.get("NeedDaemonReload") == "yes":
        mend = f"sudo systemctl daemon-reload && sudo systemctl restart {UNIT}"
        return note(f"{says}; its unit has changed since it was read", mend)
    if facts.get("UnitFileState") == "disabled":
        return note(
            f"{says}; not started with the machine",
            f"sudo systemctl enable {UNIT}",
        )
    if not unit.runs:
        return note(says, f"sudo systemctl start {UNIT}")
    if facts.get("NRestarts", "0") not in ("", "0"):
        return note(f"{says}{_restarts(facts['NRestarts'])}", _LOG)
    return ok(says)


def _lost_source(case: Case) -> Finding | None:
    """Find a file without which systemd starts nothing: 243/CREDENTIALS."""
    if os.geteuid() != 0:  # others may not even know whether they are there
        return None
    for source in case.unit.sources:
        if not case.world.path(source).exists():
            return wrong(
                f"{source}: not there, and the unit loads a credential from it",
                f"sudo install -m 600 /dev/stdin {source}",
            )
    return None


def _restarts(count: str) -> str:
    return "" if count in ("", "0") else f"; started anew by systemd {count} times"


def _user(case: Case) -> str:
    """Say as whom it runs, and where others may have looked with other rights."""
    if case.unit.facts.get("DynamicUser") == "yes":
        return "; its user is made at each start, so rights were not looked at"
    if os.geteuid() == 0:
        return f" as {case.unit.user}"
    me = pwd.getpwuid(os.geteuid()).pw_name
    if me == case.unit.user:
        return f" as {me}"
    return f" as {case.unit.user}; looked at with the rights of {me}, sudo uses its own"


SERVICE = Check("service", "systemd's unit: running, enabled, restarts", _look)
