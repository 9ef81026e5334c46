"""The unit files, as systemd itself reads them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_MOST_EXPOSED = 20
"""In tenths: systemd-analyze's "OK" begins below 2.0."""


@pytest.fixture
def units(repository: Path, tmp_path: Path) -> Path:
    """The units, whose command is one that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not there: apt-get install systemd")
    for path in (repository / "systemd").glob("*.service"):
        name = path.name.replace("@", "@door")
        text = path.read_text().replace("/opt/fer-edge/bin/fer-edge", sys.executable)
        (tmp_path / path.name).write_text(text)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["fer-edge.service", "fer-edge@door.service"])
def test_keys(units: Path, name: str) -> None:
    """Systemd knows them all: an unknown one is a line, and no failure."""
    command = ["systemd-analyze", "verify", "--man=no", str(units / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "fer-edge" in line]
    assert (done.returncode, done.stdout, ours) == (0, "", [])


@pytest.mark.parametrize("name", ["fer-edge.service", "fer-edge@door.service"])
def test_exposure(units: Path, name: str) -> None:
    """It is at most 2.0 of 10."""
    command = ["systemd-analyze", "security", "--offline=true"]
    done = subprocess.run(
        [*command, f"--threshold={_MOST_EXPOSED}", str(units / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_template(repository: Path) -> None:
    """A second camera's unit differs from the first one's only where it must."""
    folder = repository / "systemd"
    first = (folder / "fer-edge.service").read_text().splitlines()
    second = (folder / "fer-edge@.service").read_text().splitlines()
    head = second.index("[Unit]")
    assert all(line.startswith("#") for line in second[:head])
    pairs = zip(first, second[head:], strict=True)
    changed = [two for one, two in pairs if one != two and not two.startswith("#")]
    assert changed == [
        "Description=Facial emotion recognition: camera %i to events",
        "ExecStart=/opt/fer-edge/bin/fer-edge run --config /etc/fer-edge/%i.toml",
        "StateDirectory=fer-edge/%i",
    ]


def test_coral_rules(repository: Path) -> None:
    """Both USB identities and the PCIe card are given to the service's groups."""
    lines = (
        (repository / "systemd" / "60-fer-edge-coral.rules").read_text().splitlines()
    )
    rules = [line.split(", ") for line in lines if line and not line.startswith("#")]
    assert [rule[0] for rule in rules] == ['SUBSYSTEM=="usb"'] * 2 + [
        'SUBSYSTEM=="apex"'
    ]
    text = (repository / "systemd" / "fer-edge.service").read_text()
    (groups,) = (
        line.removeprefix("SupplementaryGroups=").split()
        for line in text.splitlines()
        if line.startswith("SupplementaryGroups=")
    )
    for rule in rules:
        (group,) = (part[7:-1] for part in rule if part.startswith('GROUP="'))
        assert group in groups
        assert (
            f"g {group} - -"
            in (repository / "systemd" / "fer-edge.sysusers").read_text().splitlines()
        )
