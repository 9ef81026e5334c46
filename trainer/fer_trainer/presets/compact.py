"""Compact CNN for the edge: a residual network of operations the Edge TPU maps.

Convolutions with fused batch norm and ReLU, additions, a mean, one dense layer.

Command: ``fer-train run --preset compact --data Facial_emotion_images.zip --out RUN``

On two cores, with FER2013's four classes: 12 minutes for ``--epochs 15``, validation
accuracy 74.4 % (95 % interval 72.6 to 76.1 %). On drawn faces with
``--epochs 10 --batch-size 64``: 1 minute, 98.9 %.
"""

from typing import TYPE_CHECKING, Any

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset

if TYPE_CHECKING:
    import keras

_STAGE_FILTERS = (24, 48, 96)


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the network: three residual stages, each at half the size before."""
    import keras
    from keras import layers

    def convolve(
        x: Any, filters: int, kernel: int = 3, strides: int = 1, *, relu: bool = True
    ) -> Any:
        # Batch norm straight after the convolution folds into it when quantized.
        x = layers.Conv2D(
            filters, kernel, strides=strides, padding="same", use_bias=False
        )(x)
        # Keras' momentum of 0.99 lags behind by epochs where an epoch is few batches.
        x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.ReLU()(x) if relu else x

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for stage, filters in enumerate(_STAGE_FILTERS):
        # One grey channel is cheap, so the first kernel can afford to look wider.
        x = convolve(x, filters, kernel=3 if stage else 5, strides=2)
        # (24, 24, 24), then (12, 12, 48), then (6, 6, 96)
        shortcut = x
        x = convolve(x, filters)
        x = convolve(x, filters, relu=False)
        x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)  # (96,)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="compact")


PRESET = Preset(
    name="compact",
    summary="residual CNN for the edge: only operations the Edge TPU maps",
    graph=build,
    epochs=40,
    learning_rate=2e-3,
    batch_size=128,
)
