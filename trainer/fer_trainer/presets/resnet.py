"""ResNets of ImageNet, frozen, under the study's heads.

Command: ``fer-train run --preset resnet50 --weights imagenet --data ZIP --out RUN``,
and the same with ``resnet101`` and ``resnet50v2``.

The study reports 36.7 % (chance) for the run with ResNet50, and 55.8 % for ResNet50V2,
declared for 224x224 (``--image-size 224``). ResNet101 is cut at conv5_block3_add, a
backbone of 42,658,176 parameters; what dense head it had is not recorded, so it has
that of the frozen VGG16. Not measured here: the weights need a network.
"""

from typing import Any

from fer_trainer.presets.transfer import (
    Backbone,
    caffe,
    minus_one_to_one,
    transfer_preset,
)
from fer_trainer.presets.vgg16 import narrowing


def _decayed(x: Any) -> Any:
    """The head of the run with ResNet50 that the study reports."""
    from keras import layers, regularizers

    def dense(units: int, x: Any) -> Any:
        decay = regularizers.L2(0.01)
        x = layers.Dense(units, activation="relu", kernel_regularizer=decay)(x)
        return layers.Dropout(0.5)(x)

    x = layers.GlobalAveragePooling2D()(x)  # (2048,)
    x = dense(1024, x)
    x = layers.BatchNormalization()(x)
    return dense(512, x)


def _improved(x: Any) -> Any:
    """The head of the study's "improved ResNet"."""
    from keras import layers

    x = layers.GlobalAveragePooling2D()(x)  # (2048,)
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(512, activation="relu")(x)
    return layers.Dropout(0.5)(x)


RESNET101 = transfer_preset(
    Backbone("resnet101", "ResNet101", caffe, last_layer="conv5_block3_add"),
    narrowing,  # (2, 2, 2048) of a 48x48 face -> 8,192
    "ResNet101 of ImageNet to conv5_block3_add, frozen",
)

RESNET50 = transfer_preset(
    Backbone("resnet50", "ResNet50", caffe),
    _decayed,
    "ResNet50 of ImageNet, frozen, as the study ran it",
)

RESNET50V2 = transfer_preset(
    Backbone("resnet50v2", "ResNet50V2", minus_one_to_one),
    _improved,
    'ResNet50V2 of ImageNet, frozen: the study\'s "improved ResNet"',
    learning_rate=1e-4,
)
