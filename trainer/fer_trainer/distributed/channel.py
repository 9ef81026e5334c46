"""Connections between the hosts of a training, beside those of the backend.

For what the chief decides alone: when to stop, where to go on from. Nothing is
encrypted and no one is asked for a password, as in TensorFlow and JAX themselves: this
is for a network that is trusted.
"""

import socket
from collections.abc import Mapping

from fer_contract.errors import FerError
from fer_trainer.distributed.hosts import Hosts

_LENGTH_BYTES = 8


class Channel:
    """Connections between the chief and each other host.

    Args:
        hosts: the machines.
        sockets: of the chief one to each other host by its index, else one to it.
    """

    def __init__(self, hosts: Hosts, sockets: Mapping[int, socket.socket]) -> None:
        self._hosts = hosts
        self._sockets = dict(sockets)

    def from_chief(self, content: bytes) -> bytes:
        """Return what the chief calls this with; all hosts must call it.

        Raises:
            FerError: a host is gone.
        """
        if not self._hosts.is_chief:
            return self._receive(0)
        for index in self._sockets:
            self._send(index, content)
        return content

    def await_all(self) -> None:
        """Return once every host is here.

        Raises:
            FerError: a host is gone.
        """
        others = [index for index in self._sockets if index]
        if not self._hosts.is_chief:
            self._send(0, b"")
        for index in others:
            self._receive(index)
        self.from_chief(b"")

    def close(self) -> None:
        """Hang up."""
        for connection in self._sockets.values():
            connection.close()
        self._sockets = {}

    def _send(self, index: int, content: bytes) -> None:
        try:
            send(self._sockets[index], content)
        except OSError as failure:
            raise self._lost(index, failure) from failure

    def _receive(self, index: int) -> bytes:
        try:
            return receive(self._sockets[index])
        except OSError as failure:
            raise self._lost(index, failure) from failure

    def _lost(self, index: int, failure: OSError) -> FerError:
        return FerError(
            f"--hosts: lost {self._hosts.name(index)} ({failure.strerror or failure}); "
            "see what it says, then start all hosts again: they go on after the last "
            "epoch"
        )


def send(connection: socket.socket, content: bytes) -> None:
    """Send a message, its length before it."""
    connection.sendall(len(content).to_bytes(_LENGTH_BYTES, "big"))
    connection.sendall(content)


def receive(connection: socket.socket, most: int | None = None) -> bytes:
    """Receive a message.

    Args:
        connection: from whom.
        most: bytes that are allowed, for a visitor not known yet.

    Raises:
        OSError: the other hung up, or sends what is no message.
    """
    length = int.from_bytes(_exactly(connection, _LENGTH_BYTES), "big")
    if most is not None and length > most:
        raise OSError(f"{length} bytes announced, {most} are allowed")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = connection.recv(min(length - len(content), 1 << 20))
        if not part:
            raise ConnectionError("connection closed")
        content += part
    return bytes(content)
