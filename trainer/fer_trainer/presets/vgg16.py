"""VGG16 of ImageNet under the study's heads: frozen, and its last block fine-tuned.

Command: ``fer-train run --preset vgg16-frozen --weights imagenet --data ZIP --out RUN``
and the same with ``vgg16-finetuned``.

Frozen: 14,887,684 parameters, 172,868 trainable; the study reports 55.8 % on its own
validation split, and 69.8 % fine-tuned. About 700 MMACs a face: some 15 minutes an
epoch on two cores, seconds on a GPU. Not measured here: the weights need a network.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset
from fer_trainer.presets.transfer import Backbone, caffe

if TYPE_CHECKING:
    import keras

_FROZEN = Backbone("vgg16-frozen", "VGG16", caffe)
_FINETUNED = Backbone("vgg16-finetuned", "VGG16", caffe, trainable_layers=4)


def build_frozen(spec: InputSpec, classes: int) -> "keras.Model":
    """Build it with three dense layers of falling width, batch norm after the last."""
    import keras
    from keras import layers

    inputs, x = _FROZEN.build(spec)
    x = layers.Flatten()(x)  # (1, 1, 512) of a 48x48 face
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="vgg16_frozen")


def build_finetuned(spec: InputSpec, classes: int) -> "keras.Model":
    """Build it with two wide dense layers; its last four layers learn too."""
    import keras
    from keras import layers

    inputs, x = _FINETUNED.build(spec)
    x = layers.Flatten()(x)
    for units in (512, 256):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="vgg16_finetuned")


FROZEN = Preset(
    name="vgg16-frozen",
    summary="VGG16 of ImageNet, frozen, the study's head",
    graph=build_frozen,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
    load_pretrained=_FROZEN.load,
)

FINETUNED = Preset(
    name="vgg16-finetuned",
    summary="VGG16 of ImageNet, its last 4 layers trained too",
    graph=build_finetuned,
    epochs=20,
    learning_rate=1e-4,
    batch_size=32,
    load_pretrained=_FINETUNED.load,
)
