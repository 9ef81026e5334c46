"""Several devices and hosts with JAX, through ``keras.distribution``.

JAX computes as if there were one device with the whole batch, so that dropout and
batch normalisation are those of one device too.
"""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import jax
import keras

from fer_contract.errors import FerError, first_line
from fer_contract.quiet import native_messages_to_log
from fer_trainer.distributed.channel import Channel
from fer_trainer.distributed.distribution import (
    Batch,
    Distribution,
    fill_up,
    lost_host,
    take_part,
)
from fer_trainer.distributed.hosts import Hosts

_JOIN_SECONDS = 60  # all hosts have met; only the port may be closed
_HEARTBEAT_SECONDS = 30
_SHUTDOWN_SECONDS = 5


class DataParallel(Distribution):
    """The same weights on each device.

    Args:
        hosts: the machines.
        channel: to the other hosts, if there are any.
    """

    name = "DataParallel"

    def __init__(
        self, hosts: Hosts | None = None, channel: Channel | None = None
    ) -> None:
        # Keras divides only tf.data itself between hosts; Share does it here.
        self._parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        super().__init__(hosts, len(jax.devices()), channel)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the scope of Keras' distribution."""
        scope: AbstractContextManager[Any] = self._parallel.scope()
        return scope

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Leave the scope of Keras' distribution for the block."""
        within = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(within)

    def fit(self, model: Any, batches: Any, **settings: Any) -> None:
        """Train; see ``Distribution.fit``."""
        self._check_divisible(batches)
        share = Share(batches, self.hosts, self.replicas)
        try:
            with self.scope():
                model.fit(share, shuffle=False, **settings)
        except jax.errors.JaxRuntimeError as failure:
            if self.hosts.count == 1:
                raise
            # It begins with the same words once more for each layer of JAX.
            why = first_line(failure).rpartition("Error dispatching ")[2]
            raise lost_host(why) from failure

    def _part(self) -> None:
        """Part from the other hosts, the chief last.

        It serves them; JAX aborts whom the service leaves, and its own barrier ends
        after a few seconds, which a busy host may need.
        """
        super()._part()
        if self.hosts.count == 1:
            return
        if self.hosts.is_chief:
            super()._part()
        jax.distributed.shutdown()
        if not self.hosts.is_chief:
            super()._part()


class Share(keras.utils.PyDataset):  # type: ignore[misc]  # untyped
    """This host's part of every batch.

    Args:
        batches: whole ones, as tuples.
        hosts: the machines.
        replicas: devices of all hosts together.
    """

    def __init__(self, batches: Any, hosts: Hosts, replicas: int) -> None:
        super().__init__()
        self._batches = batches
        self._hosts = hosts
        self._replicas = replicas

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Batch:
        batch = fill_up(self._batches[index], self._replicas)
        return take_part(batch, self._hosts.index, self._hosts.count)

    def on_epoch_begin(self) -> None:
        """Pass it on."""
        self._batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass it on."""
        self._batches.on_epoch_end()


def start_data_parallel(hosts: Hosts, channel: Channel | None) -> Distribution:
    """Join all devices of all hosts, or return none for one device alone.

    Raises:
        FerError: JAX cannot be joined, or another host has other devices.
    """
    if channel is None:
        return DataParallel() if len(jax.devices()) > 1 else Distribution()
    addresses = hosts.backend_addresses()
    try:
        with native_messages_to_log():
            # A lost host is for us to name: else JAX kills the others with a dump of
            # its stack, or has them wait five minutes before they may end.
            configuration: Any = jax.config  # partly typed
            configuration.update("jax_enable_recoverability", True)
            # What keras.distribution.initialize calls, which has no say in waiting.
            jax.distributed.initialize(
                addresses[0],
                num_processes=hosts.count,
                process_id=hosts.index,
                initialization_timeout=_JOIN_SECONDS,
                heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
                shutdown_timeout_seconds=_SHUTDOWN_SECONDS,
            )
            owners = [device.process_index for device in jax.devices()]
    except (RuntimeError, ValueError) as failure:
        raise FerError(
            f"--hosts: JAX cannot be joined at {addresses[0]}, the port after that of "
            f"{hosts.name(0)} ({first_line(failure)})"
        ) from failure
    counts = [owners.count(index) for index in range(hosts.count)]
    if len(set(counts)) > 1:
        raise FerError(
            f"--hosts: {counts} devices from the first host to the last; all need the "
            "same number, CUDA_VISIBLE_DEVICES can hide some"
        )
    return DataParallel(hosts, channel)
