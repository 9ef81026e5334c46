"""MobileNet of few filters, for the edge: it begins with what a larger one has learned.

Command: ``fer-train run --preset slim --weights FACES --teacher FACES --teacher VOTES
--recipe release --votes ferplus_votes.csv --drop-leaks
--data Facial_emotion_images.zip --out RUN``, where FACES is a run of
``mobilenet-faces`` and VOTES one of ``compact``, each by the command in its own preset.

Of the larger network's filters those are kept that can make up for the others best: two
minutes on two cores, after which, untrained, 71 % of FER2013's validation faces are
named as their labels have it. After 84 epochs, four hours, 78.0 % are (95 % interval
76.4 to 79.7 %), and 86.3 % as people voted (84.9 to 87.7 %). In int8:
496 KB, 7.9 million aarch64 instructions a face on a Pi 4's processor. Refined
twice, by the recipe ``refine`` (docs/released-model.md), it is the released model.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest
from fer_contract.preprocess import InputSpec
from fer_trainer.presets import mobilenet_faces
from fer_trainer.presets.preset import Faces, Preset
from fer_trainer.presets.pruning import Pruning, outputs_of
from fer_trainer.presets.stored import is_whole, stored_weights

if TYPE_CHECKING:
    import keras

_NAME = "slim"
_LARGER = 2
"""Times the face that the larger network sees here, whose first step is as wide."""
_FIRST = 16
_BLOCKS = (
    # filters, stride
    (32, 1), (64, 2), (64, 1), (112, 2), (112, 1), (232, 2),
    (232, 1), (232, 1), (232, 1), (232, 1), (400, 2),
)  # fmt: skip
_SOURCES = (
    *((block, block) for block in range(9)),
    # One of five alike is left out.
    (9, 10),
    (11, 11),
)
"""The larger network's block that each gets its inputs from, and its outputs."""


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the network with fresh weights."""
    import keras
    from keras import layers

    def normed(x: Any) -> Any:
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1.0, offset=-115.0)(inputs)
    # On a face enlarged twice, in steps of two, it would be the same.
    x = normed(layers.Conv2D(_FIRST, 3, padding="same", use_bias=False)(x))
    for filters, stride in _BLOCKS:
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = normed(layers.Conv2D(filters, 1, use_bias=False)(normed(x)))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=_NAME)


def load(model: "keras.Model", source: str, faces: Faces) -> None:
    """Fill a built network.

    Args:
        model: of this preset.
        source: a run of ``mobilenet-faces``, of whose filters some are taken; or what
            ``stored_weights`` takes.
        faces: to choose the filters by.

    Raises:
        ManifestError, DigestError: a run is unfinished or damaged.
        FerError: no such file; weights or a run of another network, or for others.
    """
    run = Path(source)
    if not is_whole(source):
        raise FerError(
            f"--weights: {source}; no run of {mobilenet_faces.PRESET.name} or {_NAME}, "
            "and no file of fer-train weights"
        )
    if not run.is_dir() or read_manifest(run, RunManifest).preset == _NAME:
        stored_weights(_NAME)(model, source, faces)
        return
    large, teacher = _read(run, model)
    faces = faces[::2]  # a thousand: minutes instead of twice as many
    answers = np.concatenate([*outputs_of(teacher, faces)])
    if not np.isfinite(answers).all():
        raise FerError(f"--weights: {run}; its answers are no numbers")
    Pruning(large, model, _SOURCES, faces, answers).fill()


def _read(run: Path, model: "keras.Model") -> "tuple[keras.Model, keras.Model]":
    """Return a run's network, as large as the other inside, and as it was trained."""
    import keras

    manifest = read_manifest(run, RunManifest)
    if manifest.preset != mobilenet_faces.PRESET.name:
        raise FerError(
            f"--weights: {run}; a run of {manifest.preset}, not of "
            f"{mobilenet_faces.PRESET.name} or {_NAME}"
        )
    teacher = keras.saving.load_model(run / RunManifest.MODEL, compile=False)
    if teacher.input_shape != model.input_shape:
        raise FerError(
            f"--weights: {run}; for faces of {_size(teacher)} pixels, not "
            f"{_size(model)}"
        )
    if teacher.output_shape != model.output_shape:
        raise FerError(
            f"--weights: {run}; knows {teacher.output_shape[1]} emotions, not "
            f"{model.output_shape[1]}"
        )
    size = _LARGER * manifest.input.height, _LARGER * manifest.input.width
    large = mobilenet_faces.build(manifest.input, len(manifest.labels), size)
    try:
        large.set_weights(teacher.get_weights())
    except ValueError as mistake:
        raise FerError(
            f"--weights: {run}; the preset {manifest.preset} is another network now"
        ) from mistake
    return large, teacher


def _size(model: "keras.Model") -> str:
    _, height, width, _ = model.input_shape
    return f"{width}x{height}"


PRESET = Preset(
    name=_NAME,
    summary="MobileNet of few filters for the edge: some of mobilenet-faces'",
    graph=build,
    epochs=84,
    learning_rate=6e-4,
    batch_size=64,
    load_pretrained=load,
)
