"""Base CNN, "model 1" of the original study: 605,060 parameters, 6.5 MMACs.

Command: ``fer-train run --preset base --data Facial_emotion_images.zip --out RUN``

On two cores, with FER2013's four classes: 8 minutes, validation accuracy 65.9 %
(95 % interval 64.0 to 67.7 %). The study reports 68.3 % at best on its own split.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the study's network: three convolutions of 2x2, a wide dense layer."""
    import keras
    from keras import layers

    inputs = keras.Input(spec.shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (64, 32, 32):
        x = layers.Conv2D(filters, 2, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)  # (6, 6, 32) of a 48x48 face -> 1,152
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dropout(0.4)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="base")


PRESET = Preset(
    name="base",
    summary='the study\'s "model 1": 3 convolutions, 2 dense layers',
    graph=build,
    epochs=20,
    learning_rate=1e-3,
    batch_size=32,
)
