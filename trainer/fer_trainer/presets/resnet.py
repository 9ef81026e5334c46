"""ResNets of ImageNet, frozen, under the study's heads.

Command: ``fer-train run --preset resnet50 --weights imagenet --data ZIP --out RUN``,
and the same with ``resnet101`` and ``resnet50v2``.

The study reports 36.7 % (chance) for the run with ResNet50, and 55.8 % for ResNet50V2,
declared for 224x224 (``--image-size 224``). ResNet101 is cut at conv5_block3_add, a
backbone of 42,658,176 parameters; what dense head it had is not recorded, so it has
that of the frozen VGG16. Not measured here: the weights need a network.
"""

from typing import TYPE_CHECKING, Any

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset
from fer_trainer.presets.transfer import Backbone, caffe, minus_one_to_one

if TYPE_CHECKING:
    import keras

_RESNET101 = Backbone("resnet101", "ResNet101", caffe, last_layer="conv5_block3_add")
_RESNET50 = Backbone("resnet50", "ResNet50", caffe)
_RESNET50V2 = Backbone("resnet50v2", "ResNet50V2", minus_one_to_one)


def build_resnet101(spec: InputSpec, classes: int) -> "keras.Model":
    """Build ResNet101 up to its last addition, flattened."""
    import keras
    from keras import layers

    inputs, x = _RESNET101.build(spec)
    x = layers.Flatten()(x)  # (2, 2, 2048) of a 48x48 face -> 8,192
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="resnet101")


def build_resnet50(spec: InputSpec, classes: int) -> "keras.Model":
    """Build ResNet50 with the head of the run that the study reports."""
    import keras
    from keras import layers, regularizers

    def dense(units: int, x: Any) -> Any:
        decay = regularizers.L2(0.01)
        x = layers.Dense(units, activation="relu", kernel_regularizer=decay)(x)
        return layers.Dropout(0.5)(x)

    inputs, x = _RESNET50.build(spec)
    x = layers.GlobalAveragePooling2D()(x)  # (2048,)
    x = dense(1024, x)
    x = layers.BatchNormalization()(x)
    x = dense(512, x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="resnet50")


def build_resnet50v2(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the study's "improved ResNet"."""
    import keras
    from keras import layers

    inputs, x = _RESNET50V2.build(spec)
    x = layers.GlobalAveragePooling2D()(x)  # (2048,)
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="resnet50v2")


RESNET101 = Preset(
    name="resnet101",
    summary="ResNet101 of ImageNet to conv5_block3_add, frozen",
    graph=build_resnet101,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
    load_pretrained=_RESNET101.load,
)

RESNET50 = Preset(
    name="resnet50",
    summary="ResNet50 of ImageNet, frozen, as the study ran it",
    graph=build_resnet50,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
    load_pretrained=_RESNET50.load,
)

RESNET50V2 = Preset(
    name="resnet50v2",
    summary='ResNet50V2 of ImageNet, frozen: the study\'s "improved ResNet"',
    graph=build_resnet50v2,
    epochs=20,
    learning_rate=1e-4,
    batch_size=32,
    load_pretrained=_RESNET50V2.load,
)
