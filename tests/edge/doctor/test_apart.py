"""Checks in processes of their own: what hangs, crashes, or may not be run."""

import os
import socket
from pathlib import Path

import pytest

from altered_bundles import give_crashing_model, give_wrong_golden_outputs, released_as
from doctor_stage import MakeCase, given
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.eyes import CAMERA, MODEL
from fer_edge.doctor.keeping import OUTBOX
from fer_edge.doctor.order import look
from fer_edge.doctor.software import PYTHON
from fer_edge.doctor.telling import BROKER
from fer_edge.doctor.unit import Rights, Unit


def test_hang(make_case: MakeCase) -> None:
    """It is ended at its deadline, and the next is looked at."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        case = make_case(f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n')
        hasty = dict(look(case, checks=(BROKER, PYTHON), seconds=1.0))
    assert hasty[BROKER].verdict is Verdict.WRONG
    assert hasty[BROKER].says == "no end after 1 s, something hangs"
    assert hasty[PYTHON].verdict is Verdict.OK


def test_crash(make_case: MakeCase, tmp_path: Path) -> None:
    """A model that ends the interpreter is found out, and nothing else ends."""
    bundle = released_as("crashing", tmp_path)
    give_crashing_model(bundle)
    case = make_case(f'[model]\nbundle = "{bundle}"\n')
    found = look_apart(MODEL, case, None)
    assert found.verdict is Verdict.WRONG
    assert "the interpreter ends by SIG" in found.says


def test_wrong_golden_outputs(make_case: MakeCase, tmp_path: Path) -> None:
    """A model that gives other outputs than it should is named."""
    bundle = released_as("wrong", tmp_path)
    give_wrong_golden_outputs(bundle)
    found = look_apart(MODEL, make_case(f'[model]\nbundle = "{bundle}"\n'), None)
    assert found.verdict is Verdict.WRONG
    assert str(bundle) in found.says
    assert "fer-convert" in found.mend


def test_rights(make_case: MakeCase, nobody: Rights, open_folder: Path) -> None:
    """What root may write, and the service's user may not, is wrong."""
    folder = open_folder / "state"
    folder.mkdir(mode=0o755)
    text = f'[mqtt]\nhost = "localhost"\n[outbox]\npath = "{folder}/outbox.sqlite"\n'
    found = look_apart(OUTBOX, make_case(text), nobody)
    assert found.verdict is Verdict.WRONG, found
    assert found.says == f"{folder}: may not be written"
    os.chown(folder, nobody.user, nobody.group)
    assert look_apart(OUTBOX, make_case(text), nobody).verdict is Verdict.OK


def test_rights_of_others(
    make_case: MakeCase, nobody: Rights, open_folder: Path, running: Unit
) -> None:
    """Who is neither root nor the service's user is told that only root would know."""
    folder = open_folder / "state"
    folder.mkdir(mode=0o755)
    text = f'[mqtt]\nhost = "localhost"\n[outbox]\npath = "{folder}/outbox.sqlite"\n'
    unit = given(running, User="games")
    found = look_apart(OUTBOX, make_case(text, unit), nobody)
    assert found.verdict is Verdict.NOTE
    assert found.mend == 'sudo "$(which fer-edge)" doctor'
    unit = given(running, User=nobody.name)
    assert look_apart(OUTBOX, make_case(text, unit), nobody).verdict == "wrong"


def test_python_of_root(
    make_case: MakeCase,
    nobody: Rights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Python that the service's user may not run is told, and what to do."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "python").symlink_to("/usr/bin/python3")
    monkeypatch.setattr("sys.executable", str(hidden / "python"))
    found = look_apart(CAMERA, make_case(), nobody)
    assert found.verdict is Verdict.WRONG
    assert "may not be run by nobody" in found.says
    assert "/opt" in found.mend
