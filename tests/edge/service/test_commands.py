"""``fer-edge service`` without a systemd: plans, images, refusals."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_contract.errors import RefusedError
from fer_edge.errors import ConfigurationError
from fer_edge.service.carrying_out import carry_out
from fer_edge.service.commands import service_group
from fer_edge.service.pairing import picamera_complaint
from fer_edge.service.plan import Remove, Run, Write
from fer_edge.service.state import described
from fer_edge.service.units import command_complaint, own_command


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """What was there stays, and nothing half-written is left."""
    (tmp_path / "etc").write_text("a file")
    with pytest.raises(OSError, match="etc"):
        carry_out([Write(Path("/etc/unit"), "text")], tmp_path, str)
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]


def test_link_to_elsewhere(tmp_path: Path) -> None:
    """A link is removed, and not what it points to."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    carry_out([Remove(Path("/link"))], tmp_path, str)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_command_that_fails() -> None:
    """The last of its words are told, and the rest is not begun; unless it may fail."""
    said: list[str] = []
    failing = ("sh", "-c", "echo first >&2; echo last >&2; exit 4")
    with pytest.raises(RefusedError, match=r"last$"):
        carry_out([Run(failing), Run(("true",))], Path("/"), said.append)
    assert said == []
    carry_out([Run(failing, needed=False), Run(("true",))], Path("/"), said.append)
    assert [line.split()[0] for line in said] == ["passed", "ran"]
    with pytest.raises(RefusedError, match="no such command"):
        carry_out([Run(("no-such-command",))], Path("/"), str)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("/opt/fer-edge/bin/fer-edge", ""),
        ("/home/pi/venv/bin/fer-edge", "does not see what lies in /home"),
        ("/root/venv/bin/fer-edge", "does not see what lies in /root"),
        ("/var/tmp/venv/bin/fer-edge", "does not see what lies in /var/tmp"),
        ("/opt/my venv/bin/fer-edge", "a unit cannot name it"),
    ],
)
def test_place_of_the_command(command: str, complaint: str) -> None:
    """It must be where the sandbox shows it, in words that a unit takes."""
    found = command_complaint(Path(command))
    assert complaint in found
    assert bool(found) is bool(complaint)


def test_place_of_the_source() -> None:
    """Of an editable install the source must be seen, too."""
    found = command_complaint(Path("/opt/bin/fer-edge"), Path("/home/pi/edge/fer_edge"))
    assert found.startswith("/home/pi/edge/fer_edge: the service does not see ")


def test_unit_that_is_no_use() -> None:
    """What systemd says of it is told; another installation mends nothing."""
    assert described({"LoadState": "masked"}) == [
        "fer-edge.service: the unit is masked; systemctl status fer-edge.service"
    ]


def test_own_command() -> None:
    """It is the one beside this Python."""
    command = own_command(Path(sys.executable).parent)
    assert command.name == "fer-edge"
    assert command.parent == Path(sys.executable).parent


def test_pairing(tmp_path: Path) -> None:
    """A picamera2 that this numpy breaks is named with what mends it."""
    packages = tmp_path / "packages"
    packages.mkdir()
    environment = tmp_path / "python"
    environment.write_text(
        f'#!/bin/sh\nPYTHONPATH={packages} exec "{sys.executable}" "$@"\n'
    )
    environment.chmod(0o755)
    assert picamera_complaint(str(environment)) == ""
    (packages / "picamera2.py").write_text("")
    assert picamera_complaint(str(environment)) == ""
    # What numpy 2 says to an extension that was built for numpy 1.
    words = "numpy.dtype size changed, may indicate binary incompatibility"
    (packages / "picamera2.py").write_text(f"raise ValueError({words!r})\n")
    assert picamera_complaint(str(environment)) == (
        f"picamera2: cannot be imported (ValueError: {words}); "
        f"{environment} -m pip install 'numpy<2' 'opencv-python-headless<4.11'"
    )


def test_picamera2_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root runs nothing that happens to lie where it stands."""
    (tmp_path / "picamera2.py").write_text("open('was-run', 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert picamera_complaint() == ""
    assert not (tmp_path / "was-run").exists()


@pytest.fixture
def not_root() -> Iterator[None]:
    """Another user, for a moment, where the tests are run by root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.usefixtures("not_root")
def test_not_root() -> None:
    """It says how to be root."""
    with pytest.raises(ConfigurationError) as caught:
        service_group(["uninstall"], standalone_mode=False)
    assert str(caught.value) == "needs root: sudo fer-edge service uninstall"


def test_state_of_what_is_not_installed() -> None:
    """The command that installs it is told."""
    assert described({"LoadState": "not-found"}) == [
        "fer-edge.service: not installed; sudo fer-edge service install"
    ]


def test_last_words_of_what_has_ended() -> None:
    """They are not told as how it is now."""
    found = {
        "LoadState": "loaded",
        "ActiveState": "activating",
        "SubState": "auto-restart",
        "Result": "exit-code",
        "StatusText": "stopping",
        "ExecMainStatus": "3",
    }
    lines = described(found)
    assert not [line for line in lines if "stopping" in line]
    assert "ended with 3: the camera was lost" in lines


def test_state_of_what_was_killed() -> None:
    """The reason is systemd's word for it."""
    found = {
        "LoadState": "loaded",
        "UnitFileState": "enabled",
        "ActiveState": "failed",
        "SubState": "failed",
        "Result": "watchdog",
        "ExecMainStatus": "6",
        "NRestarts": "3",
    }
    assert described(found) == [
        "fer-edge.service: failed (failed)",
        "with the machine: starts",
        "restarts: 3",
        "ended: watchdog",
        "more: journalctl -u fer-edge -n 50",
    ]
