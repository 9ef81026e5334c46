"""Addresses of loopback for the hosts of a distributed training."""

import random
import socket

_PORTS = range(10_000, 32_000)
"""Below those that Linux gives to whoever names none: such a one may be given to
another process between our look and its use."""


def free_addresses(count: int) -> list[str]:
    """Return addresses whose ports, and the next ones, are free."""
    # As the system does: tests that run side by side are to find others.
    chosen = random.SystemRandom()
    addresses: list[str] = []
    held: list[socket.socket] = []
    while len(addresses) < count:
        port = chosen.choice(_PORTS)
        pair = socket.socket(), socket.socket()
        held += pair
        try:
            for one, number in zip(pair, (port, port + 1), strict=True):
                one.bind(("127.0.0.1", number))
        except OSError:  # taken
            continue
        addresses.append(f"127.0.0.1:{port}")
    for one in held:
        one.close()
    return addresses
