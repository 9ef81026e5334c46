"""EfficientNets of ImageNet, frozen, under the study's heads.

Command: ``fer-train run --preset efficientnetv2b2 --weights imagenet --data ZIP
--out RUN``, and the same with ``efficientnetb0-block6a`` and ``efficientnetb0``, which
the study declared for 224x224 (``--image-size 224``).

The study stayed at chance, 36.7 %, with all three: it divided by 255, and these
networks rescale inside. Here they get 0-255. V2B2's backbone has 8,769,374 parameters.
Not measured here: the weights need a network.
"""

from typing import Any

from fer_trainer.presets.transfer import Backbone, inside, transfer_preset


def _normed(x: Any) -> Any:
    """Two dense layers, batch norm and dropout after each."""
    from keras import layers

    x = layers.GlobalAveragePooling2D()(x)
    for units in (256, 128):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
    return x


def _improved(x: Any) -> Any:
    """The head of the study's "improved EfficientNet"."""
    from keras import layers

    x = layers.GlobalAveragePooling2D()(x)  # (1280,)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(128, activation="relu")(x)
    return layers.Dropout(0.5)(x)


V2B2 = transfer_preset(
    Backbone("efficientnetv2b2", "EfficientNetV2B2", inside),
    _normed,
    "EfficientNetV2B2 of ImageNet, frozen",
)

B0_BLOCK6A = transfer_preset(
    Backbone(
        "efficientnetb0-block6a",
        "EfficientNetB0",
        inside,
        last_layer="block6a_expand_activation",
    ),
    _normed,
    "EfficientNetB0 of ImageNet to block6a_expand_activation, frozen",
)

B0 = transfer_preset(
    Backbone("efficientnetb0", "EfficientNetB0", inside),
    _improved,
    'EfficientNetB0 of ImageNet, frozen: "improved EfficientNet"',
    learning_rate=1e-4,
)
