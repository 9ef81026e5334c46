"""What is installed into another machine's image, by the tools of systemd itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fer_edge.service.carrying_out import carry_out
from fer_edge.service.plan import RESTART, Run, installation, removal, storing
from fer_edge.service.units import read_file
from systemd_box import SystemdBox

_COMMAND = Path("/opt/fer-edge/bin/fer-edge")

_LINK = "etc/systemd/system/multi-user.target.wants/fer-edge.service"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The folder of an image, in which the user's number is another than here."""
    if os.geteuid() != 0:
        pytest.skip("another machine's users are made by root: sudo make test")
    for program in ("systemctl", "systemd-sysusers"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there: apt-get install systemd")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\nfer-edge:x:4321:\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    return tmp_path


def test_image(image: Path) -> None:
    """It starts with that machine, whose user may read the configuration."""
    said: list[str] = []
    steps = [*installation(Path("/opt/venv/bin/fer-edge")), RESTART]
    carry_out(steps, image, said.append)
    units = image / "etc/systemd/system"
    started = "ExecStart=/opt/venv/bin/fer-edge run --config /etc/fer-edge"
    assert f"{started}/fer-edge.toml" in (units / "fer-edge.service").read_text()
    assert f"{started}/%i.toml" in (units / "fer-edge@.service").read_text()
    assert (image / _LINK).is_symlink()
    users = (image / "etc/passwd").read_text().splitlines()
    assert [line.split(":")[0] for line in users] == ["root", "fer-edge"]
    config = image / "etc/fer-edge/fer-edge.toml"
    assert config.read_text() == read_file("fer-edge.toml")
    assert (config.stat().st_gid, config.stat().st_mode & 0o777) == (4321, 0o640)
    assert "not run in an image: systemctl restart fer-edge.service" in said


def test_image_twice(image: Path) -> None:
    """What is there is left alone."""
    carry_out(installation(_COMMAND), image, str)
    said: list[str] = []
    carry_out(installation(_COMMAND), image, said.append)
    assert not any(line.startswith("wrote ") for line in said)
    assert f"kept {image / 'etc/fer-edge/fer-edge.toml'}" in said


def test_image_by_a_root_that_shares_nothing(image: Path) -> None:
    """The service reads its configuration whatever root's umask is."""
    before = os.umask(0o077)
    try:
        carry_out(installation(_COMMAND), image, str)
    finally:
        os.umask(before)
    folder = image / "etc/fer-edge"
    file = folder / "fer-edge.toml"
    assert [path.stat().st_mode & 0o777 for path in (folder, file)] == [0o755, 0o640]


def test_image_with_a_secret(image: Path) -> None:
    """Root alone may read it, also where it lay open before, and a purge removes it."""
    store = image / "etc/credstore"
    carry_out([storing("mqtt-password", "sesame")], image, str)
    password = store / "fer-edge.mqtt-password"
    assert password.read_text() == "sesame\n"
    assert [path.stat().st_mode & 0o777 for path in (store, password)] == [0o700, 0o600]
    password.chmod(0o644)
    carry_out([storing("mqtt-password", "sesame")], image, str)
    assert password.stat().st_mode & 0o777 == 0o600
    carry_out(removal(purge=False), image, str)
    assert password.exists()
    carry_out(removal(purge=True), image, str)
    assert not list(store.iterdir())


@pytest.mark.parametrize(
    ("name", "entered", "complaint"),
    [
        ("mqtt-password", b"sesame\r\nmore\n", ""),
        ("mqtt-password", b"", "mqtt-password: empty"),
        ("mqtt-password", b"se\xffsame\n", "mqtt-password: not UTF-8"),
        ("http-token", b"a-token-of-24-characters\n", ""),
        ("http-token", b"sesame\n", "http-token: 6 characters; a token is 16"),
    ],
)
def test_secret_that_is_entered(
    fer_edge: Path, tmp_path: Path, name: str, entered: bytes, complaint: str
) -> None:
    """What cannot be one is refused at once, in a line that shows nothing of it."""
    done = subprocess.run(
        [fer_edge, "service", "secret", name, "--root", tmp_path],
        input=entered,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == (2 if complaint else 0), said
    assert said.startswith(f"fer-edge: {complaint}" if complaint else ""), said
    assert "same" not in said
    path = tmp_path / f"etc/credstore/fer-edge.{name}"
    if complaint:
        assert not path.exists()
    else:
        assert path.read_bytes() == entered.splitlines()[0] + b"\n"


def test_image_cleared(image: Path) -> None:
    """It starts with that machine no more, and neither does a second camera's."""
    carry_out(installation(_COMMAND), image, str)
    second = Run(("systemctl", "enable", "fer-edge@door.service"), rooted=True)
    carry_out([second], image, str)
    door = (image / _LINK).with_name("fer-edge@door.service")
    assert door.is_symlink()
    carry_out(removal(purge=False), image, str)
    assert not door.is_symlink()
    assert not (image / _LINK).is_symlink()
    left = {path.name for path in image.rglob("*fer-edge*") if not path.is_dir()}
    assert left == {"fer-edge.toml"}
    carry_out(removal(purge=True), image, str)
    assert list(image.rglob("*fer-edge*")) == []


def test_second_camera_uninstalled(box: SystemdBox) -> None:
    """An enabled instance goes with the rest, under a running systemd, too."""
    box.run(_COMMAND, "service", "install")
    box.run("systemctl", "enable", "fer-edge@door")
    box.run(_COMMAND, "service", "uninstall")
    left = box.run("find", "/etc/systemd/system", "-name", "*fer-edge*")
    assert left == ""


def test_next_step(box: SystemdBox) -> None:
    """What is to be done next, as it is told, works as it stands there."""
    box.run("rm", "-rf", "/etc/fer-edge")
    said = box.run(_COMMAND, "service", "install").splitlines()
    (then,) = (line for line in said if line.startswith("then: "))
    check = then.removeprefix("then: sudo ").partition(" && ")[0]
    assert str(_COMMAND) in check
    # There, but nothing is filled in yet.
    assert box.attempt(*check.split()).returncode == 2
