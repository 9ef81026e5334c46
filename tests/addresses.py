"""Addresses of loopback for the hosts of a distributed training."""

import socket


def free_addresses(count: int) -> list[str]:
    """Return addresses whose ports, and the next ones, are free."""
    addresses: list[str] = []
    held = []
    while len(addresses) < count:
        first, second = socket.socket(), socket.socket()
        held += [first, second]
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        try:
            second.bind(("127.0.0.1", port + 1))
        # Taken, or beyond the last port there is.
        except (OSError, OverflowError):
            continue
        addresses.append(f"127.0.0.1:{port}")
    for one in held:
        one.close()
    return addresses
