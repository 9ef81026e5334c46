"""EfficientNets of ImageNet, frozen, under the study's heads.

Command: ``fer-train run --preset efficientnetv2b2 --weights imagenet --data ZIP
--out RUN``, and the same with ``efficientnetb0-block6a`` and ``efficientnetb0``, which
the study declared for 224x224 (``--image-size 224``).

The study stayed at chance, 36.7 %, with all three: it divided by 255, and these
networks rescale inside. Here they get 0-255. V2B2's backbone has 8,769,374 parameters.
Not measured here: the weights need a network.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset
from fer_trainer.presets.transfer import Backbone, inside

if TYPE_CHECKING:
    import keras

_V2B2 = Backbone("efficientnetv2b2", "EfficientNetV2B2", inside)
_B0_BLOCK6A = Backbone(
    "efficientnetb0-block6a",
    "EfficientNetB0",
    inside,
    last_layer="block6a_expand_activation",
)
_B0 = Backbone("efficientnetb0", "EfficientNetB0", inside)


def _build_normed(
    backbone: Backbone, name: str, spec: InputSpec, classes: int
) -> "keras.Model":
    """Build a backbone with two dense layers, batch norm and dropout after each."""
    import keras
    from keras import layers

    inputs, x = backbone.build(spec)
    x = layers.GlobalAveragePooling2D()(x)
    for units in (256, 128):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def build_v2b2(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the whole EfficientNetV2B2."""
    return _build_normed(_V2B2, "efficientnetv2b2", spec, classes)


def build_b0_block6a(spec: InputSpec, classes: int) -> "keras.Model":
    """Build EfficientNetB0 up to block6a_expand_activation."""
    return _build_normed(_B0_BLOCK6A, "efficientnetb0_block6a", spec, classes)


def build_b0(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the study's "improved EfficientNet"."""
    import keras
    from keras import layers

    inputs, x = _B0.build(spec)
    x = layers.GlobalAveragePooling2D()(x)  # (1280,)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="efficientnetb0")


V2B2 = Preset(
    name="efficientnetv2b2",
    summary="EfficientNetV2B2 of ImageNet, frozen",
    graph=build_v2b2,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
    load_pretrained=_V2B2.load,
)

B0_BLOCK6A = Preset(
    name="efficientnetb0-block6a",
    summary="EfficientNetB0 of ImageNet to block6a_expand_activation, frozen",
    graph=build_b0_block6a,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
    load_pretrained=_B0_BLOCK6A.load,
)

B0 = Preset(
    name="efficientnetb0",
    summary='EfficientNetB0 of ImageNet, frozen: "improved EfficientNet"',
    graph=build_b0,
    epochs=20,
    learning_rate=1e-4,
    batch_size=32,
    load_pretrained=_B0.load,
)
