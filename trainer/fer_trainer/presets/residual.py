"""Residual networks of nothing but what the Edge TPU maps and int8 keeps exact.

Convolutions with batch norm folded into them and a ReLU6 fused, additions, a mean, one
dense layer (He et al. 2015, arXiv 1512.03385). ReLU6 bounds what an int8 scale must
span (Krishnamoorthi 2018, arXiv 1806.08342).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fer_contract.preprocess import InputSpec

if TYPE_CHECKING:
    import keras


def residual_network(
    spec: InputSpec,
    classes: int,
    *,
    name: str,
    filters: Sequence[int],
    blocks: Sequence[int],
    dropout: float,
) -> "keras.Model":
    """Build a network of residual stages, each at half the size before.

    Args:
        spec: what it takes.
        classes: what it tells apart.
        name: of the model.
        filters: of each stage.
        blocks: residual blocks of each stage, after the convolution that halves.
        dropout: share of the features that the dense layer misses in training.
    """
    import keras
    from keras import layers

    def convolve(
        x: Any,
        filters: int,
        kernel: int = 3,
        strides: int = 1,
        *,
        relu: bool = True,
        dtype: str | None = None,
    ) -> Any:
        # Batch norm straight after the convolution folds into it when quantized.
        x = layers.Conv2D(
            filters,
            kernel,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
        )(x)
        # Keras' momentum of 0.99 lags behind by epochs where an epoch is few batches.
        x = layers.BatchNormalization(momentum=0.9, dtype=dtype)(x)
        return layers.ReLU(6.0)(x) if relu else x

    inputs = keras.Input(spec.shape)
    x = inputs
    for stage, (width, depth) in enumerate(zip(filters, blocks, strict=True)):
        if stage:
            x = convolve(x, width, strides=2)
        else:
            # One grey channel is cheap, so the first kernel can afford to look wider.
            # Its batch norm does what a Rescaling would, for nothing; but 0 to 255 is
            # far from 0, and in 16 bits the difference of two such sums is lost.
            x = convolve(x, width, kernel=5, strides=2, dtype="float32")
        for _ in range(depth):
            inner = convolve(convolve(x, width), width, relu=False)
            x = layers.ReLU(6.0)(layers.Add()([x, inner]))
    x = layers.GlobalAveragePooling2D()(x)  # (filters of the last stage,)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
