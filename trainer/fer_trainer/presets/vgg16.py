"""VGG16 of ImageNet under the study's heads: frozen, and its last block fine-tuned.

Command: ``fer-train run --preset vgg16-frozen --weights imagenet --data ZIP --out RUN``
and the same with ``vgg16-finetuned``.

Frozen: 14,887,684 parameters, 172,868 trainable; the study reports 55.8 % on its own
validation split, and 69.8 % fine-tuned. About 700 MMACs a face: some 15 minutes an
epoch on two cores, seconds on a GPU. Not measured here: the weights need a network.
"""

from typing import Any

from fer_trainer.presets.transfer import Backbone, caffe, transfer_preset


def narrowing(x: Any) -> Any:
    """Three dense layers of falling width, batch norm after the last."""
    from keras import layers

    x = layers.Flatten()(x)  # VGG16's (1, 1, 512) of a 48x48 face
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="relu")(x)
    return layers.BatchNormalization()(x)


def _wide(x: Any) -> Any:
    """Two wide dense layers."""
    from keras import layers

    x = layers.Flatten()(x)
    for units in (512, 256):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
    return x


FROZEN = transfer_preset(
    Backbone("vgg16-frozen", "VGG16", caffe),
    narrowing,
    "VGG16 of ImageNet, frozen, the study's head",
)

FINETUNED = transfer_preset(
    Backbone("vgg16-finetuned", "VGG16", caffe, trainable_layers=4),
    _wide,
    "VGG16 of ImageNet, its last 4 layers trained too",
    learning_rate=1e-4,
)
