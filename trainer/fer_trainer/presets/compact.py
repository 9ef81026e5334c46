"""Compact CNN for the edge: a residual network of operations the Edge TPU maps.

Convolutions with fused batch norm and ReLU, additions, a mean, one dense layer.

Command: ``fer-train run --preset compact --recipe release --votes ferplus_votes.csv
--drop-leaks --mixed-precision --epochs 130 --data Facial_emotion_images.zip --out RUN``

On two cores, with FER2013's four classes: an hour; of validation 76.5 % by the
labels (95 % interval 74.8 to 78.2 %) and 85.7 % by the majority of the votes (84.2 to
87.1 %). On drawn faces with ``--epochs 10 --batch-size 64``: 1 minute, 98 %.
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset
from fer_trainer.presets.residual import residual_network
from fer_trainer.presets.stored import stored_weights

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the network: four stages, each at half the size before."""
    return residual_network(
        spec,
        classes,
        name="compact",
        filters=(16, 48, 96, 128),
        blocks=(1, 2, 1, 0),
        dropout=0.2,
    )


PRESET = Preset(
    name="compact",
    summary="residual CNN for the edge: only operations the Edge TPU maps",
    graph=build,
    epochs=40,
    learning_rate=2e-3,
    batch_size=128,
    load_pretrained=stored_weights("compact"),
)
