"""The study's proposed final design: filters from 64 to 512.

The study's: a custom CNN of growing depth, ReLU, max pooling, dropout that grows with
the layer, dense layers and softmax; trained by Adam with early stopping, a learning
rate lowered on plateaus, and class weights or resampling (``--class-weights``). It
was proposed, not trained. Ours, where it is silent: kernels of 3x3, batch norm between
convolution and ReLU, where it folds when quantized; one dense layer. Only operations
that the Edge TPU maps.

Command: ``fer-train run --preset final --schedule plateau --early-stopping 6
--class-weights --data ZIP --out RUN``. Expected: an hour or more on two cores, minutes
on a GPU; 71.5 % (69.7 to 73.2 %) of FER2013's validation faces after 8 epochs.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset

if TYPE_CHECKING:
    import keras

_FILTERS_AND_DROPOUT = ((64, 0.1), (128, 0.2), (256, 0.3), (512, 0.4))


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the network: four stages, each of twice the filters at half the size."""
    import keras
    from keras import layers

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for filters, dropout in _FILTERS_AND_DROPOUT:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)  # (3, 3, 512) of a 48x48 face -> 4,608
    # Without batch norm most of these units die in the first epoch, and all faces with
    # them that no living unit answers to.
    x = layers.Dense(256, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="final")


PRESET = Preset(
    name="final",
    summary="the study's proposed final design: 64 to 512 filters",
    graph=build,
    epochs=50,
    learning_rate=1e-3,
    batch_size=64,
)
