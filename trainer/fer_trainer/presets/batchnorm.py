"""CNN with batch norm, "model 2" of the original study: 389,604 parameters, 83 MMACs.

Command: ``fer-train run --preset batchnorm --recipe study --data ZIP --out RUN``

On two cores, with FER2013's four classes and ``--epochs 8``: half an hour, validation
accuracy 69.1 % (95 % interval 67.2 to 70.9 %). The study reports 72.2 % after 20, on
its own split.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the study's network: four convolutions of 2x2, from wide to narrow."""
    import keras
    from keras import layers

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (256, 128, 64, 32):
        # Two activations in a row, as the study has it.
        x = layers.Conv2D(filters, 2, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU(negative_slope=0.1)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)  # (3, 3, 32) of a 48x48 face -> 288
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="batchnorm")


PRESET = Preset(
    name="batchnorm",
    summary='the study\'s "model 2": 4 convolutions with batch norm',
    graph=build,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
)
