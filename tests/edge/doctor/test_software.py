"""Programs that must fit, and the configuration."""

import os
from dataclasses import replace

import pytest

from doctor_stage import MakeCase, given
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Case, Verdict
from fer_edge.doctor.software import (
    CONFIGURATION,
    LIBRARIES,
    NUMPY,
    PYTHON,
    RUNTIME,
    pairing,
)
from fer_edge.doctor.unit import Rights, Unit

_APT = "/usr/lib/python3/dist-packages/picamera2/__init__.py"
_PIP = "/opt/fer-edge/lib/python3.11/site-packages/picamera2/__init__.py"


@pytest.mark.parametrize(
    ("numpy", "picamera2", "codename", "verdict"),
    [
        ("1.26.4", _APT, "bookworm", "ok"),
        ("2.2.1", _APT, "bookworm", "wrong"),
        ("2.2.4", _APT, "trixie", "ok"),
        ("2.2.1", _PIP, "bookworm", "note"),
        ("2.2.1", "", "bookworm", "ok"),
    ],
)
def test_pairing(numpy: str, picamera2: str, codename: str, verdict: str) -> None:
    """Bookworm's picamera2 was built for numpy 1, Trixie's for numpy 2."""
    found = pairing(numpy, picamera2, codename)
    assert found.verdict == verdict
    assert bool(found.mend) == (verdict != "ok")


def test_this_machine(make_case: MakeCase) -> None:
    """What the tests run on is good enough."""
    case = make_case()
    for check in (PYTHON, RUNTIME, NUMPY, LIBRARIES):
        assert check.look(case).verdict in (Verdict.OK, Verdict.NOTE), check.name


def test_other_installation(running: Unit, make_case: MakeCase) -> None:
    """That the service starts another program than this is told."""
    started = "{ path=/opt/other/bin/fer-edge ; argv[]=/opt/other/bin/fer-edge run ; }"
    found = PYTHON.look(make_case(unit=given(running, ExecStart=started)))
    assert found.verdict is Verdict.NOTE
    assert found.mend == "sudo /opt/other/bin/fer-edge doctor"


def test_no_configuration(make_case: MakeCase) -> None:
    """Then only the machine is looked at."""
    case = make_case()
    found = CONFIGURATION.look(Case(case.world, case.unit))
    assert found.verdict is Verdict.NOTE


def test_mistakes(make_case: MakeCase) -> None:
    """The first is told with its line, and how to see the others."""
    case = make_case('[faces]\ndetektor = "haar"\n[mqtt]\nport=-1')
    found = CONFIGURATION.look(case)
    assert found.verdict is Verdict.WRONG
    assert "fer-edge.toml:4: faces.detektor: unknown key" in found.says
    assert "(and 1 more)" in found.says
    assert found.mend == f"fer-edge check {case.path}"
    assert case.path is not None
    # The service's own holds what is not for everybody.
    case.path.chmod(0o640)
    assert CONFIGURATION.look(case).mend == f"sudo fer-edge check {case.path}"


def test_token_from_the_unit(running: Unit, make_case: MakeCase) -> None:
    """A token that only the service is given is not missed."""
    text = '[http]\nport = 8080\nbind = "0.0.0.0"\n'
    assert CONFIGURATION.look(make_case(text, running)).verdict is Verdict.WRONG
    unit = replace(running, secrets=frozenset({"http-token"}))
    assert CONFIGURATION.look(make_case(text, unit)).verdict is Verdict.OK


def test_configuration_for_root_alone(
    running: Unit, make_case: MakeCase, nobody: Rights
) -> None:
    """Root reads it, and is told that the service does not."""
    case = make_case(unit=given(running, User=nobody.name))
    assert case.path is not None
    case.path.chmod(0o600)
    found = look_apart(CONFIGURATION, case, nobody)
    assert found.verdict is Verdict.WRONG, found
    assert found.says.endswith("the user of the service may not read it")
    assert "chgrp $(id -gn nobody)" in found.mend
    os.chown(case.path, nobody.user, nobody.group)
    assert look_apart(CONFIGURATION, case, nobody).verdict is Verdict.OK


def test_user_made_by_systemd(running: Unit, make_case: MakeCase) -> None:
    """It is in no group: what not everybody may read it may not."""
    case = make_case(unit=given(running, DynamicUser="yes"))
    assert case.path is not None
    assert CONFIGURATION.look(case).verdict is Verdict.OK
    case.path.chmod(0o640)
    assert CONFIGURATION.look(case).verdict is Verdict.WRONG
