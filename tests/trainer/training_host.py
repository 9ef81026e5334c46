"""One host of a distributed training, small enough for a test; a program.

Usage: training_host.py OUT [key=value…]; the keys are in ``DEFAULTS``. OUT gets what
the network has become, ``.npz``, and what the host saw, ``.json``.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.command import end_at_once
from fer_contract.errors import FerError
from fer_trainer.backend import import_keras
from fer_trainer.distributed.distribution import Distribution, start_distribution
from fer_trainer.distributed.hosts import find_hosts

DEFAULTS: dict[str, Any] = {
    "hosts": None,
    "index": None,
    "devices": 1,  # of this host: processors that act as several
    "dropout": 0.0,
    "faces": 56,  # the last batch is smaller, and can be divided
    "batch": 16,
    "epochs": 3,
    "seed": 3,
    "resume": None,  # .npz of another run to go on from; only the chief has it
    "resume_epoch": 0,
    "stop_after": 0,  # the chief ends the training after this many epochs
    "pause": 0.0,  # seconds that the chief works on after the training
    "die_in": -1,  # epoch in which this host is gone, from 0
    "fail_in": -1,  # epoch in which the chief's callback fails, from 0
    "wait": 30.0,
}


def main() -> None:
    """Train, and write down what came of it."""
    out = Path(sys.argv[1])
    given = dict(pair.split("=", 1) for pair in sys.argv[2:])
    settings = {
        key: (str if default is None else type(default))(given.get(key, default))
        if key in given
        else default
        for key, default in DEFAULTS.items()
    }
    settings["index"] = None if settings["index"] is None else int(settings["index"])
    try:
        train(out, settings)
    except (FerError, OSError) as mistake:
        sys.stderr.write(f"{mistake}\n")
        end_at_once(FerError.exit_code)


def train(out: Path, settings: dict[str, Any]) -> None:
    """Do what ``fer-train run`` does with a distribution, in its order."""
    hosts = find_hosts(settings["hosts"], settings["index"], os.environ)
    facts = {"plan": {key: settings[key] for key in ("faces", "batch", "seed")}}
    if settings["devices"] > 1:
        distribution = split_processor(settings["devices"])
    else:
        distribution = start_distribution(hosts, facts, settings["wait"])
    with distribution:
        run(out, settings, distribution)


def run(out: Path, settings: dict[str, Any], distribution: Distribution) -> None:
    """Train with a distribution that has been started."""
    keras = import_keras()
    batches = make_batches(keras, settings)
    keras.utils.set_random_seed(settings["seed"])
    with distribution.scope():
        model = build(keras, settings["dropout"])
        model.compile(
            optimizer=keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(1e-2, 12),
                use_ema=True,
                ema_momentum=0.9,
            ),
            loss="categorical_crossentropy",
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
        )
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        if settings["resume"]:
            restore(model, distribution, Path(settings["resume"]))
    seen: dict[str, Any] = {"facts": distribution.facts(), "logs": [], "judged": []}

    class EpochEnd(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        judge: Any = None

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            if epoch == settings["die_in"]:
                os._exit(77)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen["logs"].append({key: float(value) for key, value in logs.items()})
            if distribution.hosts.is_chief:
                if epoch == settings["fail_in"]:
                    raise OSError(28, "No space left on device", "checkpoint.npz")
                with distribution.alone():
                    self.judge = self.judge or build(keras, settings["dropout"])
                    self.judge.set_weights(self.model.get_weights())
                    answers = self.judge.predict(batches.faces, verbose=0)
                seen["judged"].append(answers.mean(axis=0).tolist())
            ended = epoch + 1 == settings["stop_after"]
            self.model.stop_training = distribution.agree(
                ended if distribution.hosts.is_chief else None
            )

    distribution.fit(
        model, batches, epochs=settings["epochs"],
        initial_epoch=settings["resume_epoch"], callbacks=[EpochEnd()], verbose=0,
    )  # fmt: skip
    if distribution.hosts.is_chief:
        time.sleep(settings["pause"])
    np.savez(out.with_suffix(".npz"), *state(keras, model))
    out.with_suffix(".json").write_text(json.dumps(seen))


def split_processor(devices: int) -> Distribution:
    """Return a distribution over one processor that acts as several."""
    keras = import_keras()
    if keras.backend.backend() == "jax":
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
        from fer_trainer.distributed.data_parallel import DataParallel

        return DataParallel()
    import tensorflow as tf

    from fer_trainer.distributed.mirrored import Mirrored

    processor = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(processor, parts)
    names = [f"CPU:{index}" for index in range(devices)]
    return Mirrored(tf.distribute.MirroredStrategy(names))


def build(keras: Any, dropout: float) -> Any:
    """Build a network with all that distribution can get wrong."""
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(4, 3, use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(dropout)(x)
    outputs = keras.layers.Dense(4, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def make_batches(keras: Any, settings: dict[str, Any]) -> Any:
    """Return a dataset whose content depends on seed, epoch and index alone."""

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # untyped
        def __init__(self) -> None:
            super().__init__()
            rng = np.random.default_rng(settings["seed"])
            count = settings["faces"]
            self.faces = rng.integers(0, 256, (count, 12, 12, 1), dtype=np.uint8)
            self.targets = rng.dirichlet(np.ones(4), count).astype(np.float32)
            self.weights = rng.uniform(0.5, 1.5, count).astype(np.float32)
            self.epoch = settings["resume_epoch"]

        def __len__(self) -> int:
            return -(-int(settings["faces"]) // int(settings["batch"]))

        def __getitem__(self, index: int) -> Any:
            order = np.random.default_rng(self.epoch).permutation(settings["faces"])
            size = settings["batch"]
            chosen = order[index * size : (index + 1) * size]
            return self.faces[chosen], self.targets[chosen], self.weights[chosen]

        def on_epoch_end(self) -> None:
            self.epoch += 1

    return Batches()


def state(keras: Any, model: Any) -> list[Any]:
    """Return every variable of network and optimizer."""
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def restore(model: Any, distribution: Distribution, path: Path) -> None:
    """Set every variable from a file that only the chief has."""
    import io

    content = path.read_bytes() if distribution.hosts.is_chief else b""
    with np.load(io.BytesIO(distribution.from_chief(content))) as stored:
        arrays = [stored[name] for name in stored.files]
    variables = [*model.variables, *model.optimizer.variables]
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


if __name__ == "__main__":
    main()
