"""Who is told: the broker, whoever looks at the page, commands, a file."""

import errno
import http.client
import json
import os
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

from fer_contract.errors import FerError
from fer_edge.credentials import HTTP_TOKEN, MQTT_PASSWORD, SECRETS
from fer_edge.doctor.checks import (
    Case,
    Check,
    Finding,
    check_command,
    forbidden,
    note,
    ok,
    shut_out,
    skipped,
    wrong,
)
from fer_edge.publishers.hook import hook_name
from fer_edge.publishers.mqtt.settings import MqttSettings
from fer_edge.web import HttpSettings, read_token

_ANSWER_SECONDS = 20.0
"""At most, whatever patience the daemon has."""

_STORE_PASSWORD = f"sudo fer-edge service secret {MQTT_PASSWORD}"

_MENDS = (
    ("no broker listens", "sudo systemctl start mosquitto, on the broker's machine"),
    ("without a password", "PASSWORD; mqtt.user"),
    ("user or password", "mosquitto_passwd on the broker's machine; mqtt.user here"),
    ("no TLS on this port", "set mqtt.tls = OTHER, or mqtt.port to the one of TLS"),
    ("hangs up without", "set mqtt.tls = OTHER, or mqtt.port to the one that it suits"),
    ("vouches for", "copy the broker's authority to the file of mqtt.tls_ca_certs"),
    ("another host name", "set mqtt.host to the name that the certificate has"),
    ("has expired", "renew the certificate on the broker's machine"),
    ("not valid yet", "timedatectl status"),
    ("refuses this device's", "renew mqtt.tls_client_cert and its key"),
    ("no such host", "getent hosts HOST; mqtt.host"),
    ("looked up", "resolvectl status"),
    ("Permission denied", "sudo chgrp $(id -gn USER) FILE && sudo chmod g+r FILE"),
)


def _broker(case: Case) -> Finding:
    assert case.config is not None
    settings = case.config.mqtt
    if not settings.host:
        return skipped("mqtt.host is empty")
    from fer_edge.publishers.mqtt.connection import BrokerError

    # By its own name it would throw out the daemon that runs.
    name = f"{settings.name_of_client}-doctor"
    patience = min(settings.answer_seconds, _ANSWER_SECONDS)
    settings = replace(settings, client_id=name, answer_seconds=patience)
    begun = time.monotonic()
    try:
        given_elsewhere = _is_password_given_elsewhere(case, settings)
        _shake_hands(settings)
    except (BrokerError, FerError) as failure:
        reason = str(failure)
        if "user or password" in reason and given_elsewhere:
            return ok(
                f"{settings}{_by_tls(settings)} answers; the password is given by the "
                "unit, not looked at"
            )
        if "user or password" in reason and not _is_password_given(settings):
            reason += ", without a password"
        says, mend = f"{settings}: {reason}", _mend(case, settings, reason)
        if reason.endswith(os.strerror(errno.EACCES)):
            return forbidden(case, says, mend)
        return wrong(says, mend)
    milliseconds = 1000 * (time.monotonic() - begun)
    return ok(f"{settings}{_by_tls(settings)} lets us in after {milliseconds:.0f} ms")


def _mend(case: Case, settings: MqttSettings, reason: str) -> str:
    by_hand = f"mosquitto_sub -h {settings.host} -p {settings.number_of_port} -t x"
    deed = next((deed for part, deed in _MENDS if part in reason), by_hand)
    words = {
        "HOST": settings.host,
        "USER": case.unit.user or "$USER",
        # Reasons end with: file, what the system says of it.
        "FILE": reason.rpartition(": ")[0].rpartition(": ")[2],
        "OTHER": "false" if settings.tls else "true",
        "PASSWORD": _STORE_PASSWORD
        if case.unit.installed
        else "set mqtt.password_file",
    }
    for word, meaning in words.items():
        deed = deed.replace(word, meaning)
    return deed


def _by_tls(settings: MqttSettings) -> str:
    return " by TLS" if settings.tls else ""


def _is_password_given_elsewhere(case: Case, settings: MqttSettings) -> bool:
    """Tell whether there is a password that only the service has.

    Raises:
        ConfigurationError: there is one for us, which cannot be used.
    """
    gives = case.unit.gives(MQTT_PASSWORD, SECRETS[MQTT_PASSWORD])
    if settings.password_file or not settings.user or not gives:
        return False
    return settings.password() is None


def _is_password_given(settings: MqttSettings) -> bool:
    try:
        return settings.password() is not None
    except FerError:  # there is one, which cannot be used: that is another mistake
        return True


def _shake_hands(settings: MqttSettings) -> None:
    """Log in, and leave again; nothing is sent to anybody.

    Raises:
        BrokerError: it does not come to that.
    """
    from fer_edge.publishers.mqtt.connection import Accepted, BrokerError, Connection
    from fer_edge.publishers.mqtt.messages import Message
    from fer_edge.publishers.mqtt.waking import Waker

    # Should this process be killed, this is what is told of it: to nobody.
    will = Message(f"{settings.root}/doctor", "", retained=False, answered=False)
    waker = Waker()
    try:
        connection = Connection(settings, will)
        until = time.monotonic() + settings.answer_seconds
        while (now := time.monotonic()) < until:
            received = connection.exchange(until - now, waker)
            if any(isinstance(message, Accepted) for message in received):
                connection.leave(waker)
                return
        connection.abandon()
    finally:
        waker.close()
    raise BrokerError(f"no answer within {settings.answer_seconds:g} s")


def _http(case: Case) -> Finding:
    assert case.config is not None
    settings = case.config.http
    if not settings.port:
        return skipped("http.port is 0")
    if case.unit.runs:
        return _healthz(case, settings)
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.bind, settings.port))
            listener.listen()
        except OSError as failure:
            return _not_bound(settings, failure)
    return ok(f"{settings.bind}:{settings.port} is free")


def _not_bound(settings: HttpSettings, failure: OSError) -> Finding:
    where = f"{settings.bind}:{settings.port}"
    match failure.errno:
        case errno.EADDRINUSE:
            mend = f"sudo ss -ltnp 'sport = :{settings.port}' tells which; or http.port"
            return wrong(f"{where}: another program has it", mend)
        case errno.EACCES:
            return wrong(f"{where}: only root may", "set http.port to 1024 or more")
        case errno.EADDRNOTAVAIL:
            return wrong(f"{where}: not an address of this machine", "ip address")
    return wrong(f"{where}: {failure.strerror}", "set http.bind and http.port")


def _healthz(case: Case, settings: HttpSettings) -> Finding:
    """Ask the daemon that runs how it is."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    host = anywhere.get(settings.bind, settings.bind)
    try:
        token = read_token(settings)
    except FerError as mistake:
        assert case.path is not None
        return wrong(str(mistake), check_command(case.path))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection = http.client.HTTPConnection(host, settings.port, timeout=10.0)
    where = f"http://{host}:{settings.port}/healthz"
    try:
        connection.request("GET", "/healthz", headers=headers)
        answer = connection.getresponse()
        content = answer.read(65_536)
    except (OSError, http.client.HTTPException) as failure:
        if case.unit.changes:
            return note(f"{where}: {failure}; the service is about to be ready, or end")
        mend = "journalctl -u fer-edge -n 50; does it run with this configuration?"
        return wrong(f"{where}: {failure}, though the service runs", mend)
    finally:
        connection.close()
    if answer.status == 401 and case.unit.gives(HTTP_TOKEN, SECRETS[HTTP_TOKEN]):
        return ok(f"{where} answers; the token is given by the unit, not looked at")
    try:
        found = json.loads(content)
        says = "; ".join(
            f"{problem['part']}: {problem['text']}"
            for problem in [*found.get("problems", ()), *found.get("notes", ())]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        says = f"status {answer.status}"
    if answer.status == 200:
        return note(f"{where}: {says}") if says else ok(f"{where}: healthy")
    return wrong(f"{where}: {says}", "journalctl -u fer-edge -n 50")


def _hooks(case: Case) -> Finding:
    assert case.config is not None
    hooks = case.config.hooks
    if not hooks:
        return skipped("no [[hooks]]")
    for index, hook in enumerate(hooks):
        if shutil.which(hook.command[0]) is None:
            return wrong(
                f"{hook_name(index)}.command: {hook.command[0]}: no program that this "
                "user may run",
                f"chmod a+rx {hook.command[0]}; type -a {hook.command[0]}",
            )
    return ok(f"{len(hooks)}, their programs are there; they were not run")


def _json_lines(case: Case) -> Finding:
    assert case.config is not None
    text = case.config.json_lines.path
    if text in ("", "-"):
        return ok("standard output" if text else "nowhere")
    path = Path(text)
    if shut := shut_out(case, path):
        return shut
    there = path if path.exists() else path.parent
    if os.access(there, os.W_OK):
        return ok(text)
    user = case.unit.user or "$USER"
    if not there.exists():
        return wrong(f"{there}: no such folder", f"sudo install -d -o {user} {there}")
    return forbidden(case, f"{text}: may not be written", f"sudo chown {user} {there}")


BROKER = Check(
    "broker", "MQTT: reached, by TLS if so set, and logged in", _broker,
    needs_config=True, apart=True, seconds=60.0,
)  # fmt: skip
HTTP = Check(
    "http", "the port is free, or the daemon healthy", _http, needs_config=True,
    apart=True,
)  # fmt: skip
HOOKS = Check(
    "hooks", "their programs are there", _hooks, needs_config=True, apart=True
)
JSON_LINES = Check(
    "json_lines", "the file can be written", _json_lines, needs_config=True, apart=True
)
