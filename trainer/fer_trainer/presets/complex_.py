"""Complex CNN, "model 3" of the original study: 1,782,340 parameters, 97.5 MMACs.

Command: ``fer-train run --preset complex --recipe study --data ZIP --out RUN``

On two cores, with FER2013's four classes and ``--epochs 25``: an hour, validation
accuracy 73.7 % (95 % interval 71.9 to 75.4 %), after 8 epochs still 52 %. The study
reports 73.5 % at best after 35, on its own split.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset

if TYPE_CHECKING:
    import keras

_FILTERS_AND_DROPOUT = ((64, 0.2), (128, 0.2), (512, 0.3), (512, 0.3), (128, 0.4))


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the study's network: five convolutions of 2x2, two dense layers."""
    import keras
    from keras import layers

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for filters, dropout in _FILTERS_AND_DROPOUT:
        # Two activations in a row, as the study has it.
        x = layers.Conv2D(filters, 2, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU(negative_slope=0.1)(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)  # (1, 1, 128) of a 48x48 face
    for units in (256, 512):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="complex")


PRESET = Preset(
    name="complex",
    summary='the study\'s "model 3": 5 convolutions up to 512 filters',
    graph=build,
    epochs=35,
    learning_rate=3e-3,
    batch_size=32,
)
