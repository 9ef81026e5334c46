"""One training on several devices and hosts, and what of it only one host may do.

Every host runs the same program; each gets its part of every batch, and gradients are
summed over all, so that the network comes out as if one device had seen whole batches.
With TensorFlow that is ``tf.distribute``, with JAX ``keras.distribution``; PyTorch has
neither in Keras 3 and trains on one device.
"""

import contextlib
import importlib.metadata
import json
import os
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError
from fer_trainer.backend import import_keras
from fer_trainer.distributed.channel import Channel
from fer_trainer.distributed.hosts import Hosts
from fer_trainer.distributed.rendezvous import Facts, meet

Batch = tuple[npt.NDArray[Any], ...]

WAIT_SECONDS = 300.0
"""For the other hosts at the start. They may have a network drive to read from."""


class Distribution:
    """One device of one host; several are subclasses.

    To be used in a ``with`` statement, which parts from the other hosts.

    Args:
        hosts: the machines.
        replicas: devices of all hosts together.
        channel: to the other hosts, if there are any.
    """

    name = "none"

    def __init__(
        self,
        hosts: Hosts | None = None,
        replicas: int = 1,
        channel: Channel | None = None,
    ) -> None:
        self.hosts = hosts or Hosts()
        self.replicas = replicas
        self._channel = channel

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which a network is built, compiled and restored.

        Metrics must be given to ``compile`` as objects, not by name: those are made
        too late to lie on all devices.
        """
        return contextlib.nullcontext()

    def alone(self) -> AbstractContextManager[Any]:
        """Return the context in which one host computes without the others.

        Networks that are built in it lie on this host's first device, and may be used
        in it in a callback of ``fit``, on any host or on all.
        """
        return contextlib.nullcontext()

    def fit(self, model: Any, batches: Any, **settings: Any) -> None:
        """Train, as ``model.fit(batches, shuffle=False, **settings)``.

        To be called outside of ``scope``, on all hosts, with batches that are the
        same: each takes its part.

        Args:
            model: built and compiled in ``scope``.
            batches: a PyDataset of whole batches, as tuples.
            settings: epochs, initial_epoch, callbacks and verbose of Keras' ``fit``.

        Raises:
            FerError: a batch cannot be divided, or another host is gone.
        """
        self._check_divisible(batches)
        model.fit(batches, shuffle=False, **settings)

    def from_chief(self, content: bytes) -> bytes:
        """Return what the chief calls this with; all hosts must call it.

        Raises:
            FerError: a host is gone.
        """
        return self._channel.from_chief(content) if self._channel else content

    def agree(self, value: Any) -> Any:
        """Return the chief's value, JSON; all hosts must call it.

        Hosts may differ in the last digit of a figure, and must not in a decision.

        Raises:
            FerError: a host is gone.
        """
        return json.loads(self.from_chief(json.dumps(value).encode()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all hosts are done; after an error, hang up on them at once.

        Raises:
            FerError: a host is gone.
        """
        try:
            if kind is None:
                self._part()
        finally:
            if self._channel:
                self._channel.close()

    def _part(self) -> None:
        """Wait until all hosts are here."""
        if self._channel:
            self._channel.await_all()

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it, and no address."""
        return {
            "strategy": self.name,
            "hosts": self.hosts.count,
            "replicas": self.replicas,
        }

    def _check_divisible(self, batches: Any) -> None:
        size = len(batches[0][0])
        if size % self.replicas:
            raise FerError(
                f"--batch-size: {size}; a multiple of {self.replicas}, the number of "
                "devices, is wanted"
            )


def lost_host(why: str) -> FerError:
    """Return what is said of a host that is gone in the middle of a training."""
    return FerError(
        f"--hosts: lost another host in mid-training ({why}); see what the others "
        "say, then start all again: they go on after the last epoch"
    )


def fill_up(batch: Batch, multiple: int) -> Batch:
    """Repeat the first faces of an epoch's last batch until it can be divided."""
    size = len(batch[0])
    chosen = np.arange(size + -size % multiple) % size
    return tuple(part[chosen] for part in batch) if len(chosen) > size else batch


def take_part(batch: Batch, index: int, count: int) -> Batch:
    """Return the part of a batch that is this one of ``count`` equal ones."""
    size = len(batch[0]) // count
    return tuple(part[index * size : (index + 1) * size] for part in batch)


def start_distribution(
    hosts: Hosts, facts: Facts, wait_seconds: float = WAIT_SECONDS
) -> Distribution:
    """Start Keras on all devices of this host, and with the other hosts.

    Must come before anything makes a tensor; ``start_keras`` does.

    Args:
        hosts: the machines.
        facts: JSON that has to be the same on all: plan, digest of the data.
        wait_seconds: for the last of them.

    Raises:
        FerError: a host is missing, or about to do something else; the backend knows
            no distribution.
    """
    if hosts.count > 1:
        # TensorFlow would tell of a lost host in ten lines before we do in one.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = import_keras()
    backend = keras.backend.backend()
    if backend == "torch":
        if hosts.count > 1:
            raise FerError(
                "--hosts: KERAS_BACKEND is torch, which trains on one device; "
                "tensorflow and jax train on several hosts"
            )
        return Distribution()
    channel = None
    if hosts.count > 1:
        names = ("fer-edge-toolkit", "keras", backend)
        versions = {name: importlib.metadata.version(name) for name in names}
        own = {"versions": versions, "GPUs": _count_gpus(backend)}
        channel = meet(hosts, {**own, **facts}, wait_seconds)
    # Not above: each needs its backend.
    if backend == "tensorflow":
        from fer_trainer.distributed.mirrored import start_mirrored

        return start_mirrored(hosts, channel)
    from fer_trainer.distributed.data_parallel import start_data_parallel

    return start_data_parallel(hosts, channel)


def _count_gpus(backend: str) -> int | None:
    """Return how many TensorFlow sees; JAX can be asked only once it is joined."""
    if backend != "tensorflow":
        return None
    import tensorflow

    return len(tensorflow.config.list_physical_devices("GPU"))
