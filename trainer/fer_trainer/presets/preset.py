"""What a preset is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError, first_line
from fer_contract.preprocess import InputSpec

if TYPE_CHECKING:
    import keras

Faces = npt.NDArray[np.uint8]
"""Grey faces (N, H, W, 1), 0-255."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A network, and how it is trained when nothing else is asked for."""

    name: str
    summary: str
    """One line for ``fer-train presets``."""
    graph: "Callable[[InputSpec, int], keras.Model]"
    """(input, number of classes) -> Keras model with fresh weights; float32
    (N, H, W, 1), 0-255 -> float32 (N, classes), probabilities."""
    epochs: int
    learning_rate: float
    """At the start; a schedule lowers it."""
    batch_size: int
    load_pretrained: "Callable[[keras.Model, str, Faces], None] | None" = None
    """(built model; "imagenet", "released" or the path of a weights file; some of the
    faces that it will be trained on): fill its backbone, or all of it. None for a
    network that is trained from nothing."""

    def build(self, spec: InputSpec, classes: int) -> "keras.Model":
        """Build the network; see ``graph``.

        Raises:
            FerError: faces too small for it.
        """
        try:
            return self.graph(spec, classes)
        except ValueError as mistake:
            raise FerError(
                f"--image-size: {spec.width}; {self.name} cannot be built for it "
                f"({first_line(mistake)})"
            ) from mistake
