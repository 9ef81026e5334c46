"""How the hosts of a training find each other.

TensorFlow and JAX wait without end, or crash, when a host is missing or does something
else than the others. So the hosts first meet here, over plain TCP, and say what they
are about to do; a difference ends all of them with one line.
"""

import contextlib
import errno
import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from fer_contract.errors import FerError
from fer_trainer.distributed.channel import Channel, receive, send
from fer_trainer.distributed.hosts import Hosts

Facts = Mapping[str, Any]

_GREETING = "fer-train 1"
_MOST_GREETING_BYTES = 1024 * 1024  # a stray visitor may send anything
_GREETING_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_ALL_IS_WELL = b""


def meet(hosts: Hosts, facts: Facts, wait_seconds: float) -> Channel:
    """Wait for all hosts, and check that they are about to do the same.

    Args:
        hosts: the machines, at least two.
        facts: JSON that has to be the same on all: plan, data digest, versions.
        wait_seconds: for the last of them.

    Raises:
        FerError: a host is missing, is there twice, or has other facts; on all hosts
            that are there.
    """
    deadline = time.monotonic() + wait_seconds
    greeting = {
        "greeting": _GREETING,
        "index": hosts.index,
        "hosts": list(hosts.addresses),
        "facts": json.loads(json.dumps(facts)),
    }
    if not hosts.is_chief:
        return Channel(hosts, {0: _call(hosts, greeting, deadline, wait_seconds)})
    sockets: dict[int, socket.socket] = {}
    try:
        with _listen(hosts) as listener:
            _gather(hosts, greeting, listener, deadline, sockets)
        _check_complete(hosts, sockets, wait_seconds)
        channel = Channel(hosts, sockets)
        channel.from_chief(_ALL_IS_WELL)
    except FerError as mistake:
        for connection in sockets.values():
            with contextlib.suppress(OSError), connection:
                send(connection, str(mistake).encode())
        raise
    return channel


def _listen(hosts: Hosts) -> socket.socket:
    try:
        return socket.create_server(hosts.meeting_place(), backlog=hosts.count)
    except OSError as failure:
        why = {
            errno.EADDRINUSE: "in use; another program, or another host with this "
            "--host-index",
            errno.EADDRNOTAVAIL: "no address of this machine; is its --host-index "
            "right?",
        }.get(failure.errno or 0, failure.strerror or str(failure))
        raise FerError(f"--hosts: {hosts.name(0)}: {why}") from failure


def _gather(
    hosts: Hosts,
    own: dict[str, Any],
    listener: socket.socket,
    deadline: float,
    sockets: dict[int, socket.socket],
) -> None:
    """Let the others in until all are there or the time is over."""
    while len(sockets) < hosts.count - 1:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        listener.settimeout(left)
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        try:
            connection.settimeout(_GREETING_SECONDS)
            other = json.loads(receive(connection, _MOST_GREETING_BYTES))
            index = int(other["index"]) if other["greeting"] == _GREETING else 0
        except (OSError, ValueError, KeyError, TypeError):
            index = 0
        if not index:  # no host of ours: a port scanner, a browser, the chief's twin
            connection.close()
            continue
        taken = index in sockets
        # Kept in any case, so that it too hears what is wrong.
        sockets[-1 if taken else index] = connection
        _check(hosts, own, other, index, taken=taken)
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _check_complete(
    hosts: Hosts, sockets: Mapping[int, socket.socket], wait_seconds: float
) -> None:
    missing = [index for index in range(1, hosts.count) if index not in sockets]
    if missing:
        raise FerError(
            f"--hosts: {hosts.name(missing[0])} has not called within "
            f"{wait_seconds:g} s; is it started, and can it reach "
            f"{hosts.addresses[0]}?"
        )


def _check(
    hosts: Hosts, own: dict[str, Any], other: dict[str, Any], index: int, *, taken: bool
) -> None:
    if other["hosts"] != own["hosts"]:
        raise FerError(
            f"--hosts: {','.join(map(str, other['hosts']))} says the host of "
            f"--host-index {index}, {','.join(own['hosts'])} the first; the list must "
            "be the same"
        )
    if taken:
        raise FerError(
            f"--host-index: {index} is given on two machines; each has its own"
        )
    difference = _difference(own["facts"], other["facts"])
    if difference:
        name, here, there = difference
        raise FerError(
            f"--hosts: {hosts.name(index)} has {name} {there}, the first host {here}; "
            "all must train the same"
        )


def _difference(here: Any, there: Any, name: str = "") -> tuple[str, str, str] | None:
    """Return name and values of the first difference between two JSON documents."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted({*here, *there}):
            inner = f"{name}.{key}".lstrip(".")
            found = _difference(here.get(key), there.get(key), inner)
            if found:
                return found
        return None
    return None if here == there else (name, _short(here), _short(there))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _call(
    hosts: Hosts, greeting: dict[str, Any], deadline: float, wait_seconds: float
) -> socket.socket:
    """Call the chief until it answers."""
    why = ""
    while (left := deadline - time.monotonic()) > 0:
        try:
            connection = socket.create_connection(hosts.meeting_place(), timeout=left)
        except OSError as failure:  # not started yet, most likely
            why = failure.strerror or str(failure)
            time.sleep(min(_PAUSE_SECONDS, left))
            continue
        try:
            send(connection, json.dumps(greeting).encode())
            # Its answer comes when all are there, which it measures by its own clock.
            connection.settimeout(left + _GREETING_SECONDS)
            answer = receive(connection)
            connection.settimeout(None)
        except OSError as failure:
            connection.close()
            raise FerError(
                f"--hosts: {hosts.name(0)} hung up ({failure.strerror or failure}); "
                "see what it says"
            ) from failure
        if answer != _ALL_IS_WELL:
            connection.close()
            raise FerError(answer.decode(errors="replace"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection
    raise FerError(
        f"--hosts: {hosts.name(0)} does not answer within {wait_seconds:g} s ({why}); "
        "is it started?"
    )
