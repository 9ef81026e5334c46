"""Several devices and hosts with TensorFlow, through ``tf.distribute``.

Keras 3.15 cannot train with several hosts itself: its ``fit`` fails with
MultiWorkerMirroredStrategy before the first batch (keras-team/keras issue 20585). The
loop below is what ``fit`` does, of public parts alone, and serves one host with several
GPUs too, so that there is one way that is tested.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from fer_contract.errors import FerError
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


class Mirrored(Distribution):
    """The same weights on each device.

    Dropout draws alike on all of them, so a network with dropout comes out as good as
    from one device, and the same at every repetition, but not the same as from one.

    Args:
        strategy: of TensorFlow.
        hosts: the machines.
        channel: to the other hosts, if there are any.
    """

    def __init__(
        self, strategy: Any, hosts: Hosts | None = None, channel: Channel | None = None
    ) -> None:
        super().__init__(hosts, strategy.num_replicas_in_sync, channel)
        self._strategy = strategy
        # Its class has another name than the documented one.
        several = self.hosts.count > 1
        self.name = "MultiWorkerMirroredStrategy" if several else "MirroredStrategy"

    def scope(self) -> AbstractContextManager[Any]:
        """Return the strategy's scope."""
        scope: AbstractContextManager[Any] = self._strategy.scope()
        return scope

    def fit(self, model: Any, batches: Any, **settings: Any) -> None:
        """Train; see ``Distribution.fit``."""
        self._check_divisible(batches)
        with self.scope():
            # In the graph it would be too late: TensorFlow 2.21 makes variables of
            # several devices only outside of one.
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
        for layer in _layers(model):
            # Else each device normalises by its own part of the batch.
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
        try:
            self._fit(model, batches, **settings)
        except tf.errors.OpError as failure:
            if self.hosts.count == 1:
                raise
            raise lost_host(type(failure).__name__) from failure

    def _fit(
        self,
        model: Any,
        batches: Any,
        *,
        epochs: int,
        initial_epoch: int = 0,
        callbacks: Any = (),
        verbose: int = 0,
    ) -> None:
        strategy = self._strategy
        # It warns that a Python generator is not optimised.
        with native_messages_to_log():
            dataset = strategy.distribute_datasets_from_function(
                lambda _: self._dataset(batches)
            )

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def step(data: Any) -> Any:
            return strategy.run(model.train_step, args=(data,))

        steps = len(batches)
        told = keras.callbacks.CallbackList(
            list(callbacks), add_history=True, add_progbar=verbose != 0,
            model=model, epochs=epochs, steps=steps, verbose=verbose,
        )  # fmt: skip
        model.stop_training = False
        # As Keras, which begins an epoch to look at a batch, and ends it.
        batches.on_epoch_end()
        told.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(initial_epoch, epochs):
            model.reset_metrics()
            told.on_epoch_begin(epoch)
            batches.on_epoch_begin()
            for index, data in enumerate(dataset):
                told.on_train_batch_begin(index)
                # Of this host's first device; those of all cost time to collect.
                shown = {
                    name: float(strategy.experimental_local_results(value)[0])
                    for name, value in step(data).items()
                }
                told.on_train_batch_end(index, shown)
            batches.on_epoch_end()
            logs = {
                name: float(value) for name, value in model.get_metrics_result().items()
            }
            told.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_variables)
        told.on_train_end(logs)

    def _dataset(self, batches: Any) -> Any:
        """Return this host's parts of every batch, one for each of its devices."""
        local = self.replicas // self.hosts.count
        first = self.hosts.index * local

        def parts() -> Iterator[Batch]:
            for index in range(len(batches)):
                batch = fill_up(batches[index], self.replicas)
                for replica in range(first, first + local):
                    yield take_part(batch, replica, self.replicas)

        signature = tuple(
            tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0]
        )
        data = tf.data.Dataset.from_generator(parts, output_signature=signature)
        return data.prefetch(2 * local)


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _layers(layer)


def start_mirrored(hosts: Hosts, channel: Channel | None) -> Distribution:
    """Return a strategy for all GPUs of all hosts, or none for one device alone.

    Raises:
        FerError: TensorFlow cannot listen here.
    """
    if channel is None:
        if len(tf.config.list_physical_devices("GPU")) < 2:
            return Distribution()
        return Mirrored(tf.distribute.MirroredStrategy())
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(hosts.backend_addresses())}),
        task_type="worker",
        task_id=hosts.index,
        rpc_layer="grpc",
    )
    try:
        with native_messages_to_log():
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except tf.errors.OpError as failure:
        address = hosts.backend_addresses()[hosts.index]
        raise FerError(
            f"--hosts: TensorFlow cannot listen at {address}, the port after that of "
            f"{hosts.name(hosts.index)} ({failure.message})"
        ) from failure
    return Mirrored(strategy, hosts, channel)
