"""What the doctor's tests share: a machine, and cases to look at."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctor_stage import NOBODY, RUNNING, Machine, MakeCase, write_configuration
from fer_edge.config import examine
from fer_edge.doctor.asking import World
from fer_edge.doctor.checks import Case
from fer_edge.doctor.unit import Rights, Unit


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def machine(open_folder: Path) -> Machine:
    """A machine of which nothing is known."""
    root, programs = open_folder / "root", open_folder / "programs"
    root.mkdir()
    programs.mkdir()
    return Machine(World(root, f"{programs}:/usr/bin:/bin", command_seconds=60.0))


@pytest.fixture
def make_case(machine: Machine, open_folder: Path) -> MakeCase:
    """Make a case of a configuration."""

    def make(text: str = "", unit: Unit | None = None) -> Case:
        path = write_configuration(open_folder, text)
        config, mistakes = examine(path)
        lines = tuple(mistake.of(path) for mistake in mistakes)
        unit = unit or Unit(lack="systemd does not run here")
        return Case(machine.world, unit, config, path, lines)

    return make


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Rights:
    """The rights of a user that may do little, but run a Python."""
    if os.geteuid() != 0:
        pytest.skip("to look as another user needs root: sudo make test")
    rights = Rights("nobody", NOBODY, NOBODY, (NOBODY,))
    if not _may_run(sys.executable, rights):
        # That of a virtual environment may lie in the home of root, whom nobody visits.
        system = "/usr/bin/python{}.{}".format(*sys.version_info[:2])
        if not _may_run(system, rights):
            pytest.skip(
                f"neither {sys.executable} nor {system} may be run by {rights.name}: "
                "run the tests with a Python that everyone may run"
            )
        monkeypatch.setattr("sys.executable", system)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    return rights


def _may_run(program: str, rights: Rights) -> bool:
    try:
        done = subprocess.run([program, "-c", ""], user=rights.user, check=False)
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def running(machine: Machine) -> Unit:
    """The unit of a service that runs."""
    return machine.unit(RUNNING)
