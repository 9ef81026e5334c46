"""A check in a process of its own: whatever it does, the others go on."""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
from typing import Any

from fer_edge.child import child_command, signal_name
from fer_edge.doctor.checks import Case, Check, Finding, Verdict, wrong
from fer_edge.doctor.unit import Rights

_BURY_SECONDS = 2.0
"""One that hangs in a driver cannot even be killed; it is left behind."""


def look_apart(check: Check, case: Case, rights: Rights | None) -> Finding:
    """Do a check with other rights and a deadline; a crash is a finding, too.

    Args:
        check: that stands in the list of all.
        case: what to look at.
        rights: of whom; None is as whoever asks.
    """
    as_user: dict[str, Any] = {}
    if rights is not None:
        as_user["user"], as_user["group"] = rights.user, rights.group
        as_user["extra_groups"] = rights.groups
    try:
        process = subprocess.Popen(
            child_command("fer_edge.doctor.apart_child", check.name, str(os.getpid())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # with all that it starts, it is ended together
            **as_user,
        )
    except PermissionError:
        who = rights.name if rights else "this user"
        return wrong(
            f"{sys.executable}: may not be run by {who}, as whom the service runs",
            "install fer-edge where everyone may read it, as in /opt/fer-edge",
        )
    with process:
        try:
            said, complaints = process.communicate(
                pickle.dumps(case), timeout=check.seconds
            )
        except subprocess.TimeoutExpired:
            _end(process)
            return wrong(
                f"no end after {check.seconds:g} s, something hangs",
                "sudo dmesg | tail tells of a driver; --seconds gives more time",
            )
    return _understood(process.returncode, said, complaints)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_BURY_SECONDS)
    if process.poll() is None:
        # Leaving the block would wait for it.
        process.returncode = -signal.SIGKILL


def _understood(code: int, said: bytes, complaints: bytes) -> Finding:
    if code == 0:
        facts = json.loads(said)
        return Finding(Verdict(facts["verdict"]), facts["says"], facts["mend"])
    lines = complaints.decode(errors="replace").strip().splitlines() or [""]
    if code < 0:
        return wrong(
            f"the interpreter ends by {signal_name(-code)}: {lines[-1]}".removesuffix(
                ": "
            ),
            "a native library does not fit: make the virtual environment anew",
        )
    # What Python says last of an error that no check foresees.
    return wrong(
        f"fails with {lines[-1] or f'exit code {code}'}",
        "make the virtual environment anew; if it stays so, it is a fault of ours",
    )
