"""``fer-edge doctor``, as a user gives it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_stage import Machine, write_configuration
from fer_edge.doctor.order import CHECKS

Finished = subprocess.CompletedProcess[str]
Doctor = Callable[..., Finished]


@pytest.fixture
def doctor(fer_edge: Path, machine: Machine, open_folder: Path) -> Doctor:
    """Run the command, on a machine where systemd does not run."""
    machine.answers("systemctl", "System has not been booted with systemd", code=1)
    machine.answers("timedatectl", "yes")

    def doctor(*arguments: str | Path) -> Finished:
        return subprocess.run(
            [fer_edge, "doctor", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": machine.world.programs},
            cwd=open_folder,
        )

    return doctor


def _lines(finished: Finished) -> dict[str, str]:
    assert finished.stderr == ""
    *lines, _ = finished.stdout.splitlines()
    return {line.split()[1]: line for line in lines}


def _code_of_host(lines: dict[str, str]) -> int:
    """Return the exit code where nothing is wrong but the machine that tests run on."""
    wrong = {name for name, line in lines.items() if line.startswith("wrong")}
    assert wrong <= {"temperature", "throttling", "disk"}, lines
    return int(bool(wrong))


def test_good_configuration(doctor: Doctor, open_folder: Path) -> None:
    """A line a check in the order of the list, a sum, and nothing is wrong."""
    finished = doctor("--config", write_configuration(open_folder))
    lines = _lines(finished)
    assert finished.returncode == _code_of_host(lines), finished.stdout
    assert list(lines) == [check.name for check in CHECKS]
    assert "golden vectors passed" in lines["model"]
    assert lines["camera"].startswith("ok")
    assert "synchronised" in lines["clock"]
    assert lines["service"].startswith("skipped")


def test_bad_configuration(doctor: Doctor, open_folder: Path) -> None:
    """Whatever is wrong has its line, with what mends it, and the others go on."""
    path = write_configuration(
        open_folder,
        '[camera]\nsource = "/dev/video987"\n[model]\nbundle = "/nowhere"\n'
        '[mqtt]\nhost = "127.0.0.1"\nport = 1\n[[hooks]]\ncommand = ["/no/lamp"]\n'
        '[json_lines]\npath = "/nowhere/events"\n',
    )
    finished = doctor("--config", path)
    assert finished.returncode == 1
    lines = _lines(finished)
    assert list(lines) == [check.name for check in CHECKS]
    wrong = [name for name, line in lines.items() if line.startswith("wrong")]
    for name in ("model", "camera", "broker", "hooks", "json_lines"):
        assert name in wrong
    assert all(" -> " in lines[name] for name in wrong)
    assert "connection refused; no broker listens there" in lines["broker"]


def test_json(doctor: Doctor, open_folder: Path) -> None:
    """A program gets the same, and the same exit code."""
    path = write_configuration(open_folder, '[[hooks]]\ncommand = ["/no/lamp"]\n')
    finished = doctor("--config", path, "--json")
    assert (finished.returncode, finished.stderr) == (1, "")
    document = json.loads(finished.stdout)
    assert document["schema"] == 1
    assert document["config"] == str(path)
    assert document["well"] is False
    assert [found["check"] for found in document["findings"]] == [
        check.name for check in CHECKS
    ]
    (hooks,) = (one for one in document["findings"] if one["check"] == "hooks")
    assert hooks["verdict"] == "wrong"
    assert "/no/lamp" in hooks["mend"]


def test_list(doctor: Doctor) -> None:
    """The checks are named, and none is done."""
    finished = doctor("--list")
    assert finished.returncode == 0
    names = [line.split()[0] for line in finished.stdout.splitlines()]
    assert names == [check.name for check in CHECKS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "No such file or directory"), ("[camera", "not TOML")],
)
def test_unreadable_configuration(
    doctor: Doctor, open_folder: Path, text: str | None, complaint: str
) -> None:
    """One line, no checks, and exit code 2."""
    path = open_folder / "other.toml"
    if text is not None:
        path.write_text(text)
    finished = doctor("--config", path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"fer-edge: {path}")
    assert complaint in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.skipif(
    Path("/etc/fer-edge/fer-edge.toml").exists(), reason="fer-edge is installed here"
)
def test_no_configuration(doctor: Doctor) -> None:
    """The machine alone is looked at, and what needs one is passed over."""
    finished = doctor()
    lines = _lines(finished)
    assert finished.returncode == _code_of_host(lines), finished.stdout
    assert lines["configuration"].startswith("note")
    assert lines["broker"].startswith("skipped")
    assert lines["model"].startswith("ok")
