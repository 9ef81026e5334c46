"""The programs: Python, what runs the model, and what must fit together."""

import errno
import importlib.metadata
import importlib.util
import os
import platform
import re
import stat
import sys
from pathlib import Path

from fer_contract import __version__
from fer_contract.errors import FerError
from fer_edge.credentials import HTTP_TOKEN, SECRETS
from fer_edge.doctor.checks import (
    AS_ROOT,
    Case,
    Check,
    Finding,
    check_command,
    note,
    ok,
    skipped,
    wrong,
)
from fer_edge.service.pairing import numpy_mend
from fer_edge.service.units import CONFIG

_APT_PACKAGES = "/usr/lib/python3/dist-packages"
_EDGE = f"{sys.executable} -m pip install 'fer-edge-toolkit[edge]'"


def _python(case: Case) -> Finding:
    says = (
        f"{platform.python_version()} on {platform.machine()}, {sys.executable}; "
        f"fer-edge-toolkit {__version__}"
    )
    started = _program_of(case.unit.facts.get("ExecStart", ""))
    if started and started.parent != Path(sys.executable).parent:
        return note(
            f"{says}; the service starts another installation, {started}",
            f"sudo {started.parent / 'fer-edge'} doctor",
        )
    return ok(says)


def _program_of(exec_start: str) -> Path | None:
    """Return the program of ``ExecStart``, as ``systemctl show`` prints it."""
    found = re.search(r"path=(\S+)", exec_start)
    return Path(found[1]) if found else None


def _configuration(case: Case) -> Finding:
    if case.path is None:
        return note(
            f"none in {CONFIG}: only the machine is looked at",
            "sudo fer-edge service install; or give one with --config",
        )
    mistakes = [line for line in case.mistakes if not _is_given(line, case)]
    if mistakes and os.geteuid() and all(map(_is_forbidden, mistakes)):
        # What the service's user may read need not be for everybody.
        return note(f"{mistakes[0]}, to this user", AS_ROOT)
    if mistakes:
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        return wrong(mistakes[0] + more, check_command(case.path))
    if not os.access(case.path, os.R_OK):
        return wrong(
            f"{case.path}: the user of the service may not read it",
            f"sudo chgrp $(id -gn {case.unit.user or 'USER'}) {case.path} && "
            f"sudo chmod g+r {case.path}",
        )
    # Nobody now, and in no group that could be given a right.
    unknown = case.unit.facts.get("DynamicUser") == "yes"
    if unknown and not case.path.stat().st_mode & stat.S_IROTH:
        says = f"{case.path}: the user that systemd makes may not read it"
        return wrong(says, f"sudo chmod o+r {case.path}")
    return ok(str(case.path))


def _is_given(mistake: str, case: Case) -> bool:
    """Tell whether a secret is missed that only the service is given."""
    return "http.token_file: empty" in mistake and case.unit.gives(
        HTTP_TOKEN, SECRETS[HTTP_TOKEN]
    )


def _is_forbidden(mistake: str) -> bool:
    return mistake.endswith(os.strerror(errno.EACCES))


def _runtime(_case: Case) -> Finding:
    from fer_contract.tflite import load_runtime

    try:
        _, runtime = load_runtime()
    except FerError as lack:
        return wrong(str(lack).partition(";")[0], _EDGE)
    return ok(runtime)


def _numpy(case: Case) -> Finding:
    version = importlib.metadata.version("numpy")
    found = importlib.util.find_spec("picamera2")
    origin = (found.origin or "") if found else ""
    system = case.world.text("/etc/os-release") or ""
    codename = re.search(r'^VERSION_CODENAME="?(\w+)', system, re.MULTILINE)
    return pairing(version, origin, codename[1] if codename else "")


def pairing(numpy: str, picamera2: str, codename: str) -> Finding:
    """Judge whether numpy and picamera2 fit each other.

    Args:
        numpy: its version.
        picamera2: where it would be imported from; empty where it is not there.
        codename: of the system's release.
    """
    if not picamera2:
        return ok(f"{numpy}, no picamera2 beside it")
    by_apt = picamera2.startswith(_APT_PACKAGES)
    if by_apt and codename == "bookworm" and int(numpy.partition(".")[0]) >= 2:
        return wrong(
            f"{numpy}, and Bookworm's picamera2 is built for numpy 1",
            numpy_mend(),
        )
    if not by_apt:
        return note(
            f"{numpy}, and a picamera2 that is not apt's, {Path(picamera2).parent}",
            f"{sys.executable} -m pip uninstall picamera2; "
            "sudo apt install python3-picamera2",
        )
    return ok(f"{numpy}, fits apt's picamera2")


def _library(case: Case) -> Finding:
    if case.config is None:  # said by needs_config
        return skipped("no configuration")
    lacks = []
    if case.config.mqtt.host and importlib.util.find_spec("paho") is None:
        lacks.append("paho-mqtt, for [mqtt]")
    if case.config.http.port:
        lacks += [
            f"{name}, for [http]"
            for name in ("aiohttp", "prometheus_client")
            if importlib.util.find_spec(name) is None
        ]
    if lacks:
        return wrong(f"not installed: {'; '.join(lacks)}", _EDGE)
    key = case.config.model.public_key
    if key and importlib.util.find_spec("nacl") is None:
        mend = f"{sys.executable} -m pip install 'fer-edge-toolkit[signed]'"
        return wrong("not installed: PyNaCl, for model.public_key", mend)
    return ok("all that the configuration asks for")


PYTHON = Check("python", "interpreter and toolkit, the service's own", _python)
RUNTIME = Check("runtime", "what runs the model, and its version", _runtime, apart=True)
NUMPY = Check("numpy", "whether it fits picamera2", _numpy)
LIBRARIES = Check(
    "libraries", "what the configuration needs installed", _library, needs_config=True
)
CONFIGURATION = Check(
    "configuration", "mistakes, and whether the service reads it", _configuration,
    apart=True,
)  # fmt: skip
