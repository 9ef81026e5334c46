"""The broker, the page, commands and files: real ones."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import Broker, Watcher, free_port, program
from certificates import Authority
from doctor_stage import MakeCase, given
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Finding, Verdict
from fer_edge.doctor.telling import BROKER, HOOKS, HTTP, JSON_LINES
from fer_edge.doctor.unit import Rights, Unit
from running_daemon import StartDaemon


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets everybody in."""
    with Broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom the device believes."""
    return Authority(tmp_path, "good")


@pytest.fixture
def tls_broker(tmp_path: Path, authority: Authority) -> Iterator[Broker]:
    """A broker for whom the authority vouches."""
    certificate, key = authority.sign("broker")
    listener = [f"certfile {certificate}", f"keyfile {key}"]
    with Broker(tmp_path, listener=listener) as broker:
        yield broker


@pytest.fixture
def locked_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets ann in, by her password."""
    passwords = tmp_path / "passwords"
    command = program("mosquitto_passwd", "mosquitto")
    assert (
        os.spawnl(os.P_WAIT, command, command, "-b", "-c", passwords, "ann", "x") == 0
    )
    with Broker(tmp_path, [f"password_file {passwords}"]) as broker:
        yield broker


def _mqtt(port: int, more: str = "") -> str:
    return (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\nnode = "pi"\n'
        f"answer_seconds = 60.0\n{more}"
    )


def _tls(authority: Path) -> str:
    return f'tls = true\ntls_ca_certs = "{authority}"\n'


def test_broker(broker: Broker, make_case: MakeCase) -> None:
    """It is logged in to and left, under another name than the daemon's, silently."""
    with Watcher(broker.port) as watcher:
        found = BROKER.look(make_case(_mqtt(broker.port)))
        watcher.send("end", "")
        watcher.await_payload("end", "")
        assert [seen.topic for seen in watcher.messages] == ["end"]
    assert found.verdict is Verdict.OK
    assert found.says.startswith(f"127.0.0.1:{broker.port} lets us in after ")
    assert "as fer-edge-pi-doctor " in broker.log
    assert "as fer-edge-pi " not in broker.log


def test_no_broker(make_case: MakeCase) -> None:
    """Nobody listens, and what to start is said."""
    found = BROKER.look(make_case(_mqtt(free_port())))
    assert found.verdict is Verdict.WRONG
    assert "no broker listens there" in found.says
    assert "systemctl start mosquitto" in found.mend


def test_mute_broker(make_case: MakeCase) -> None:
    """One that takes the connection and says nothing is left after a while."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        text = _mqtt(mute.getsockname()[1]).replace("60.0", "0.5")
        found = BROKER.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert "no answer within 0.5 s" in found.says


def test_tls(tls_broker: Broker, authority: Authority, make_case: MakeCase) -> None:
    """By TLS, said so."""
    text = _mqtt(tls_broker.port, _tls(authority.certificate))
    found = BROKER.look(make_case(text))
    assert found.verdict is Verdict.OK, found
    assert " by TLS lets us in" in found.says


def test_unknown_authority(
    tls_broker: Broker, make_case: MakeCase, tmp_path: Path
) -> None:
    """A broker for whom nobody vouches is wrong."""
    stranger = Authority(tmp_path, "strange")
    text = _mqtt(tls_broker.port, _tls(stranger.certificate))
    found = BROKER.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert "nobody in mqtt.tls_ca_certs vouches" in found.says
    assert "mqtt.tls_ca_certs" in found.mend


@pytest.mark.parametrize("tls", [False, True])
def test_tls_at_one_end(
    tls: bool, tmp_path: Path, authority: Authority, make_case: MakeCase
) -> None:
    """Which key is to be changed is said."""
    certificate, key = authority.sign("broker")
    listener = [] if tls else [f"certfile {certificate}", f"keyfile {key}"]
    with Broker(tmp_path, listener=listener) as broker:
        more = _tls(authority.certificate) if tls else ""
        found = BROKER.look(make_case(_mqtt(broker.port, more)))
    assert found.verdict is Verdict.WRONG
    assert f"set mqtt.tls = {'false' if tls else 'true'}" in found.mend


def test_password(
    locked_broker: Broker, make_case: MakeCase, tmp_path: Path, running: Unit
) -> None:
    """Right, wrong, or given by the unit, which nobody else can look at."""
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    user = 'user = "ann"\n'
    text = _mqtt(locked_broker.port, f'{user}password_file = "{secret}"\n')
    assert BROKER.look(make_case(text)).verdict is Verdict.OK
    secret.write_text("y\n")
    found = BROKER.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert "user or password refused" in found.says
    unit = replace(running, secrets=frozenset({"mqtt-password"}))
    # A file that is named is what the daemon takes, too.
    assert BROKER.look(make_case(text, unit)).verdict is Verdict.WRONG
    found = BROKER.look(make_case(_mqtt(locked_broker.port, user), unit))
    assert found.verdict is Verdict.OK
    assert found.says.endswith("the password is given by the unit, not looked at")


def test_no_password(locked_broker: Broker, make_case: MakeCase, running: Unit) -> None:
    """That a user has none, and how to give it, is said; of an anonymous one, too."""
    text = _mqtt(locked_broker.port, 'user = "ann"\n')
    found = BROKER.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert found.says.endswith("(not authorized), without a password")
    assert found.mend == "set mqtt.password_file; mqtt.user"
    found = BROKER.look(make_case(_mqtt(locked_broker.port), running))
    assert found.mend == "sudo fer-edge service secret mqtt-password; mqtt.user"


def test_password_that_the_service_cannot_read(
    locked_broker: Broker, make_case: MakeCase, open_folder: Path, nobody: Rights
) -> None:
    """Root could; the service could not."""
    secret = open_folder / "secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    more = f'user = "ann"\npassword_file = "{secret}"\n'
    case = make_case(_mqtt(locked_broker.port, more))
    assert BROKER.look(case).verdict is Verdict.OK
    found = look_apart(BROKER, case, nobody)
    assert found.verdict is Verdict.WRONG, found
    assert "Permission denied" in found.says
    assert found.mend.endswith(f" {secret} && sudo chmod g+r {secret}")


def test_port_of_the_page(make_case: MakeCase) -> None:
    """Free, or taken by another program."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        text = f"[http]\nport = {other.getsockname()[1]}\n"
        found = HTTP.look(make_case(text))
        assert found.verdict is Verdict.WRONG
        assert "another program has it" in found.says
        assert "ss -ltnp" in found.mend
    assert HTTP.look(make_case(text)).verdict is Verdict.OK


def test_daemon_that_runs(
    make_case: MakeCase, running: Unit, start_daemon: StartDaemon, long_video: Path
) -> None:
    """It is asked how it is, and its port is not tried."""
    port = free_port()
    text = (
        f'[camera]\nsource = "{long_video}"\npace = "recorded"\n[http]\nport = {port}\n'
    )
    case = make_case(text, running)
    assert case.path is not None
    assert _without_daemon(HTTP.look(case))
    starting = make_case(text, given(running, ActiveState="activating"))
    assert HTTP.look(starting).verdict is Verdict.NOTE
    daemon = start_daemon(case.path)
    healthy = f"http://127.0.0.1:{port}/healthz: healthy"
    daemon.wait_until(lambda: HTTP.look(case).says == healthy)
    daemon.stop()


def _without_daemon(found: Finding) -> bool:
    return found.verdict is Verdict.WRONG and "though the service runs" in found.says


def test_hooks(make_case: MakeCase, open_folder: Path) -> None:
    """A program that is not there, or may not be run, is named; none is run."""
    lamp = open_folder / "lamp"
    text = f'[[hooks]]\ncommand = ["/bin/true"]\n[[hooks]]\ncommand = ["{lamp}"]\n'
    found = HOOKS.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert found.says.startswith(f"hooks[1].command: {lamp}")
    lamp.write_text(f"#!/bin/sh\ntouch {open_folder}/ran\n")
    lamp.chmod(0o755)
    assert HOOKS.look(make_case(text)).verdict is Verdict.OK
    assert not (open_folder / "ran").exists()


def test_json_lines(make_case: MakeCase, open_folder: Path, nobody: Rights) -> None:
    """The folder is missing, forbidden, or good."""
    folder = open_folder / "events"
    text = f'[json_lines]\npath = "{folder}/events.jsonl"\n'
    found = JSON_LINES.look(make_case(text))
    assert (found.verdict, found.says) == ("wrong", f"{folder}: no such folder")
    folder.mkdir(mode=0o755)
    assert JSON_LINES.look(make_case(text)).verdict is Verdict.OK
    assert look_apart(JSON_LINES, make_case(text), nobody).verdict == "wrong"
    assert JSON_LINES.look(make_case()).says == "standard output"


def test_json_lines_in_a_closed_folder(
    make_case: MakeCase, open_folder: Path, nobody: Rights
) -> None:
    """The folder that may not be entered is named, not the file behind it."""
    closed = open_folder / "closed"
    (closed / "events").mkdir(parents=True)
    closed.chmod(0o700)
    text = f'[json_lines]\npath = "{closed}/events/events.jsonl"\n'
    found = look_apart(JSON_LINES, make_case(text), nobody)
    assert found.verdict is Verdict.WRONG
    assert found.says.startswith(f"{closed}: may not be entered")
    assert found.mend == f"sudo chmod a+x {closed}"


def test_json_lines_outside_the_sandbox(running: Unit, make_case: MakeCase) -> None:
    """Rights do not help where the unit closes the file system."""
    unit = given(running, ProtectSystem="strict", StateDirectory="fer-edge")
    text = '[json_lines]\npath = "/srv/events.jsonl"\n'
    found = JSON_LINES.look(make_case(text, unit))
    assert found.verdict is Verdict.WRONG
    assert found.mend.endswith("edit fer-edge: [Service] ReadWritePaths=/srv")
    unit = given(unit, ReadWritePaths="/srv")
    assert "ProtectSystem" not in JSON_LINES.look(make_case(text, unit)).says
