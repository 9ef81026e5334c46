"""The unit, as systemd tells it."""

import os
import pwd
from pathlib import Path

import pytest

from doctor_stage import NOBODY, RUNNING, Machine, MakeCase, given
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.service import SERVICE
from fer_edge.doctor.unit import Unit, read_unit, rights_of
from fer_edge.service.units import SERVICE as UNIT
from fer_edge.service.units import read_file


def test_running(running: Unit, make_case: MakeCase) -> None:
    """A service that runs is well, and its user is named."""
    found = SERVICE.look(make_case(unit=running))
    assert found.verdict is Verdict.OK
    assert found.says.startswith("active (running) as fer-edge")


@pytest.mark.parametrize(
    ("facts", "verdict", "says", "mend"),
    [
        ({"LoadState": "not-found"}, "note", "knows no", "fer-edge service install"),
        ({"LoadState": "masked"}, "wrong", "is masked", "unmask"),
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "2"},
            "wrong", "failed (exit-code, exit code 2): the configuration", "journalctl",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "9",
             "Result": "watchdog", "ExecMainStatus": "6"},
            "wrong", "(watchdog, exit code 6); started anew by systemd 9 times",
            "journalctl",
        ),
        ({"ActiveState": "activating", "SubState": "start"}, "ok", "(start)", ""),
        ({"ActiveState": "inactive", "SubState": "dead"}, "note", "dead", "start"),
        ({"UnitFileState": "disabled"}, "note", "not started with", "enable"),
        ({"NeedDaemonReload": "yes"}, "note", "has changed", "daemon-reload"),
        ({"NRestarts": "3"}, "note", "anew by systemd 3 times", "journalctl"),
        ({"DynamicUser": "yes"}, "ok", "made at each start", ""),
    ],
)  # fmt: skip
def test_not_quite_well(
    running: Unit,
    make_case: MakeCase,
    facts: dict[str, str],
    verdict: str,
    says: str,
    mend: str,
) -> None:
    """What is the matter, and what to do about it."""
    found = SERVICE.look(make_case(unit=given(running, **facts)))
    assert found.verdict == verdict
    assert says in found.says
    assert mend in found.mend


def test_no_systemd(machine: Machine, make_case: MakeCase) -> None:
    """Without systemd there is nothing to tell."""
    machine.answers("systemctl", "System has not been booted with systemd", code=1)
    unit = read_unit(machine.world)
    assert not unit.installed
    found = SERVICE.look(make_case(unit=unit))
    assert found.verdict is Verdict.SKIPPED
    assert found.says == "systemd does not run here"


_PASSWORD = ("mqtt-password", "FER_EDGE_MQTT_PASSWORD")


@pytest.mark.parametrize(
    "line",
    [
        "LoadCredential=mqtt-password:/etc/fer-edge/mqtt-password",
        "LoadCredentialEncrypted=mqtt-password",
        "SetCredential=mqtt-password:sesame",
        "Environment=A=B FER_EDGE_MQTT_PASSWORD=sesame",
        'Environment="FER_EDGE_MQTT_PASSWORD=sesame"',
        "EnvironmentFile=-/etc/default/fer-edge",
    ],
)
def test_what_the_unit_gives(machine: Machine, line: str) -> None:
    """Secrets that only the service is given are known by name, not by content."""
    machine.has("/etc/credstore.encrypted/mqtt-password", "k6iUCUh0RJCQyvL8k8q1Ug==")
    machine.has(
        "/etc/default/fer-edge", "# for fer-edge\nFER_EDGE_MQTT_PASSWORD=sesame"
    )
    machine.answers("systemctl", f"LoadState=loaded\n{line}")
    unit = read_unit(machine.world)
    assert unit.gives(*_PASSWORD)
    assert not unit.gives("http-token", "FER_EDGE_HTTP_TOKEN")
    assert "sesame" not in repr((unit.secrets, unit.sources))


@pytest.mark.parametrize(
    "line",
    [
        "EnvironmentFile=-/etc/default/none",
        "LoadCredential=other:/mqtt-password",
        "LoadCredential=mqtt-password",
        "LoadCredentialEncrypted=mqtt-password:fer-edge.mqtt-password",
        "",
    ],
)
def test_what_it_does_not_give(machine: Machine, line: str) -> None:
    """A file that need not be there gives nothing if it is not."""
    machine.answers("systemctl", f"LoadState=loaded\n{line}")
    assert not read_unit(machine.world).gives(*_PASSWORD)


@pytest.mark.parametrize("store", ["/etc", "/run", "/usr/lib"])
def test_shipped_unit(machine: Machine, store: str) -> None:
    """Its secrets are given once they are where systemd looks for them."""
    machine.answers("systemctl", f"LoadState=loaded\n{read_file(UNIT)}")
    unit = read_unit(machine.world)
    assert not unit.gives(*_PASSWORD)
    assert unit.sources == ()
    machine.has(f"{store}/credstore/fer-edge.mqtt-password", "sesame")
    unit = read_unit(machine.world)
    assert unit.gives(*_PASSWORD)
    assert not unit.gives("http-token", "FER_EDGE_HTTP_TOKEN")


@pytest.mark.parametrize(
    ("state", "process", "runs"),
    [
        ("active", "77", True),
        ("reloading", "77", True),
        ("activating", "77", True),
        ("deactivating", "77", True),
        ("activating", "0", False),
        ("deactivating", "0", False),
        ("inactive", "0", False),
        ("failed", "0", False),
    ],
)
def test_whether_it_runs(running: Unit, state: str, process: str, runs: bool) -> None:
    """A daemon that waits for its first frame holds the camera already."""
    assert given(running, ActiveState=state, MainPID=process).runs is runs


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("/var/lib/fer-edge/events.jsonl", True),
        ("/var/lib/fer-edge-other/events.jsonl", False),
        ("/srv/events.jsonl", False),
        ("/mnt/disk/events.jsonl", True),
        ("/tmp/events.jsonl", True),
        ("/dev/stdout", True),
    ],
)
def test_sandbox(machine: Machine, path: str, may: bool) -> None:
    """The shipped unit leaves its own folder, and what a drop-in adds."""
    drop_in = "ReadWritePaths=-/mnt/disk /opt/x"
    machine.answers("systemctl", f"LoadState=loaded\n{read_file(UNIT)}\n{drop_in}")
    unit = read_unit(machine.world)
    assert unit.lets_write(Path(path)) is may
    assert given(unit, ProtectSystem="full").lets_write(Path(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may know: sudo make test")
def test_credential_without_its_file(machine: Machine, make_case: MakeCase) -> None:
    """Not even the daemon's first line would run."""
    source = "/etc/fer-edge/mqtt-password"
    facts = {**RUNNING, "LoadCredential": f"mqtt-password:{source}"}
    found = SERVICE.look(make_case(unit=machine.unit(facts)))
    assert found.verdict is Verdict.WRONG
    assert found.says.startswith(f"{source}: not there")
    machine.has(source, "sesame")
    assert SERVICE.look(make_case(unit=machine.unit(facts))).verdict is Verdict.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks as somebody else: sudo")
def test_rights_by_root(running: Unit, open_folder: Path) -> None:
    """Root looks as the user of the unit; without one, as the state folder's owner."""
    rights = rights_of(given(running, User="nobody"), open_folder)
    assert rights is not None
    assert (rights.name, rights.user) == ("nobody", NOBODY)
    more = rights_of(
        given(running, User="nobody", SupplementaryGroups="video"), open_folder
    )
    assert more is not None
    assert len(more.groups) == len(rights.groups) + 1
    assert rights_of(given(running, User="root"), open_folder) is None
    assert rights_of(given(running, DynamicUser="yes"), open_folder) is None
    assert rights_of(Unit(), open_folder) is None
    os.chown(open_folder, NOBODY, NOBODY)
    owner = rights_of(Unit(), open_folder)
    assert owner is not None
    assert owner.name == pwd.getpwuid(NOBODY).pw_name
    with pytest.raises(KeyError):
        rights_of(given(running, User="no-such-user"), open_folder)
