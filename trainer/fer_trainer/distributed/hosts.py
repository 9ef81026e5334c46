"""Which machines train together: one list, the same on each, and a place in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fer_contract.errors import FerError

_TENSORFLOW = "TF_CONFIG"
_KERAS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
_KERAS_INDEX = "KERAS_DISTRIBUTION_PROCESS_ID"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The machines of one training; none named is this machine alone."""

    addresses: tuple[str, ...] = ()
    """``host:port`` each, the same list in the same order everywhere. The first is
    the chief: it alone writes files. Its port, and the next one of every host, must
    be open to the others."""
    index: int = 0
    """Of this machine, from 0."""

    def __post_init__(self) -> None:
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65535:
                raise FerError(
                    f"--hosts: {address!r}; host:port is wanted, port 1 to 65534"
                )
        for address in self.addresses:
            if self.addresses.count(address) > 1:
                raise FerError(
                    f"--hosts: {address} is named twice; every process needs an "
                    "address of its own"
                )
        if not 0 <= self.index < max(1, len(self.addresses)):
            raise FerError(
                f"--host-index: {self.index}; allowed is 0 to "
                f"{max(1, len(self.addresses)) - 1}, the place in --hosts"
            )

    @property
    def count(self) -> int:
        """How many machines there are."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """Whether this machine writes files and judges; the others only compute."""
        return self.index == 0

    def meeting_place(self) -> tuple[str, int]:
        """Return where the chief awaits the others."""
        return _split(self.addresses[0])

    def backend_addresses(self) -> tuple[str, ...]:
        """Return where TensorFlow or JAX listen: the next port of each host."""
        split = [_split(address) for address in self.addresses]
        return tuple(f"{host}:{port + 1}" for host, port in split)

    def name(self, index: int) -> str:
        """Return what messages call a host."""
        return f"{self.addresses[index]} (--host-index {index})"


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def find_hosts(
    addresses: str | None, index: int | None, environment: Mapping[str, str]
) -> Hosts:
    """Read ``--hosts`` and ``--host-index``, or what a cluster has set instead.

    Without ``--hosts``, TensorFlow's ``TF_CONFIG`` is read, and without that
    ``KERAS_DISTRIBUTION_JOB_ADDRESSES`` and ``KERAS_DISTRIBUTION_PROCESS_ID``; each
    of them for every backend.

    Args:
        addresses: ``host:port`` with commas between, or None.
        index: of this machine, or None.
        environment: ``os.environ``.

    Raises:
        FerError: an address or index that is none, or one without the other.
    """
    if addresses is not None:
        if index is None:
            raise FerError(
                "--hosts: needs --host-index, the place of this machine in it, from 0"
            )
        return Hosts(tuple(part.strip() for part in addresses.split(",")), index)
    if index is not None:
        raise FerError("--host-index: needs --hosts, the list that it is a place in")
    if _TENSORFLOW in environment:
        return _from_tensorflow(environment[_TENSORFLOW])
    if _KERAS in environment:
        place = environment.get(_KERAS_INDEX, "")
        if not place.isdecimal():
            raise FerError(f"{_KERAS_INDEX}: {place!r}; a whole number is wanted")
        return Hosts(tuple(environment[_KERAS].split(",")), int(place))
    return Hosts()


def _from_tensorflow(text: str) -> Hosts:
    """Read ``{"cluster": {"worker": [...]}, "task": {"type": "worker", "index": 0}}``.

    Source: tensorflow.org, "Multi-worker training with Keras". A ``chief`` is first.
    """
    try:
        config: dict[str, Any] = json.loads(text)
        cluster = {str(kind): list(some) for kind, some in config["cluster"].items()}
        kind, index = str(config["task"]["type"]), int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as mistake:
        raise FerError(
            f"{_TENSORFLOW}: {text[:60]!r}; wanted: "
            '{"cluster": {"worker": ["host:port", …]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from mistake
    chiefs, workers = cluster.pop("chief", []), cluster.pop("worker", [])
    if cluster or kind not in ("chief", "worker"):
        other = next(iter(cluster), kind)
        raise FerError(f"{_TENSORFLOW}: {other!r}; allowed are chief and worker")
    addresses = tuple(str(address) for address in chiefs + workers)
    return Hosts(addresses, index if kind == "chief" else len(chiefs) + index)
