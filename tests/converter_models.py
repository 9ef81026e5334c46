"""Models that the converter's tests share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_converter.backend import start_tensorflow
from fer_converter.quantize import Kind
from fer_converter.sources import FloatModel
from fer_converter.tflite_file import TfliteFile, parse_tflite


@dataclass(frozen=True)
class Converted:
    """One trained model in all kinds of ``.tflite``."""

    source: FloatModel
    contents: Mapping[Kind, bytes]
    blank: bytes
    """Int8, but calibrated on a blank face."""

    def file(self, kind: Kind) -> TfliteFile:
        """What a file says of itself."""
        return parse_tflite(self.contents[kind], Path(f"{kind}.tflite"))


def softmax_model(inputs: Any, features: Any, classes: int = 3) -> Any:
    """A Keras model that ends in a dense layer and softmax."""
    keras, _ = start_tensorflow()
    outputs = keras.layers.Dense(classes, activation="softmax", name="judge")(features)
    return keras.Model(inputs, outputs)


def small_model(seed: int = 0, channels: int = 1) -> Any:
    """A convolutional network for 8x8 pixels and three classes, with fresh weights."""
    keras, _ = start_tensorflow()
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = keras.layers.MaxPooling2D()(x)
    return softmax_model(inputs, keras.layers.Flatten()(x))
