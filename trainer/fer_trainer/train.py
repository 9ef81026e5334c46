"""Train a preset on labelled faces and leave a run directory."""

import gc
import json
import logging
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.intervals import wilson
from fer_contract.manifest import RunManifest, write_manifest
from fer_trainer.augment import Augmentation
from fer_trainer.backend import start_keras, versions
from fer_trainer.plots import plot_curves
from fer_trainer.presets.preset import Preset
from fer_trainer.run_directory import (
    CURVES,
    HISTORY,
    METRICS,
    check_unused,
    make_empty,
)

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    preset: Preset
    epochs: int
    batch_size: int
    learning_rate: float
    """At the start; it falls to 0 along a half cosine."""
    seed: int
    augmentation: Augmentation = field(default_factory=Augmentation)


def train(data: FaceData, out: Path, plan: Plan, *, live_bar: bool) -> RunManifest:
    """Train, keep the epoch that was best on validation, and describe it.

    Args:
        data: with the splits ``train`` and ``validation``.
        out: run directory; made once the data is known to be good. It may hold an
            unfinished run, which is started over, and nothing else.
        plan: how.
        live_bar: show a moving bar instead of a line an epoch.

    Returns:
        The manifest, as written last into ``out``.

    Raises:
        DataError: a split is missing or broken, or ``out`` is in use.
        OSError: ``out`` cannot be written.
    """
    check_unused(out)
    faces = {split: data.load(split) for split in ("train", "validation")}

    keras = start_keras()
    make_empty(out)
    # Not above: it needs Keras itself.
    from fer_trainer.batches import Batches

    keras.utils.set_random_seed(plan.seed)
    batches = Batches(faces["train"], plan.batch_size, plan.augmentation, plan.seed)
    model = plan.preset.build(data.spec, len(data.labels))
    schedule = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate, decay_steps=plan.epochs * len(batches)
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # Measured on two cores: XLA is slower by half here and takes 10 s to start.
        jit_compile=False,
    )
    model_path = out / RunManifest.MODEL
    history = _fit(
        model,
        batches,
        epochs=plan.epochs,
        validation_data=(faces["validation"].faces, faces["validation"].classes),
        validation_batch_size=512,
        # Keras writes to standard output even where it was closed.
        verbose=0 if sys.stdout is None else 1 if live_bar else 2,
        callbacks=[
            # The study monitored "val_acc", which no version of Keras reports, and
            # saved nothing; hence the test that this file holds the best epoch.
            keras.callbacks.ModelCheckpoint(
                model_path, monitor="val_accuracy", mode="max", save_best_only=True
            ),
            keras.callbacks.CSVLogger(out / HISTORY),
        ],
    )
    plot_curves(history, out / CURVES)

    # Of the file, not of the network in memory: that is what goes on.
    metrics = evaluate(model_path, faces["validation"])
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")
    manifest = RunManifest(
        labels=data.labels,
        input=data.spec,
        preset=plan.preset.name,
        seed=plan.seed,
        data={
            "source": data.source.name,
            "splits": {split: part.facts() for split, part in faces.items()},
        },
        training={
            "epochs": plan.epochs,
            "batch_size": plan.batch_size,
            "learning_rate": plan.learning_rate,
            "augmentation": asdict(plan.augmentation),
            "parameters": int(model.count_params()),
            "validation": metrics,
        },
        versions=versions(),
    )
    files = (RunManifest.MODEL, HISTORY, METRICS)
    return write_manifest(out, manifest, files)


def _fit(model: Any, batches: Any, **settings: Any) -> dict[str, list[float]]:
    """Call ``model.fit``; interrupted, leave nothing of it behind."""
    try:
        history: dict[str, list[float]] = model.fit(batches, **settings).history
    except KeyboardInterrupt:
        pass
    else:
        return history
    # Out of the handler, so that its traceback no longer holds fit's iterator: one
    # that TensorFlow ends with the interpreter gone prints warnings, or crashes.
    gc.collect()
    raise KeyboardInterrupt


def evaluate(model_path: Path, faces: FaceSet) -> dict[str, Any]:
    """Measure a saved model.

    Args:
        model_path: a ``.keras`` file.
        faces: labelled faces, as the model takes them.

    Returns:
        JSON: split, number of faces, accuracy with its 95 % Wilson interval, and the
        recall a class.
    """
    model = start_keras().saving.load_model(model_path)
    probabilities = model.predict(faces.faces, batch_size=512, verbose=0)  # (N, C)
    right = np.argmax(probabilities, axis=1) == faces.classes
    low, high = wilson(int(right.sum()), len(faces))
    return {
        "split": faces.split,
        "faces": len(faces),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_95": [round(low, 4), round(high, 4)],
        "recall": {
            label: round(float(right[faces.classes == index].mean()), 4)
            for index, label in enumerate(faces.labels)
        },
    }
