"""A network for ``compact`` to learn from, too large for a Pi's budget.

Command: ``fer-train run --preset teacher --data ZIP --mixed-precision --out TEACHER``,
then ``fer-train run --preset compact --teacher TEACHER …``
"""

from typing import TYPE_CHECKING

from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Preset
from fer_trainer.presets.residual import residual_network

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, classes: int) -> "keras.Model":
    """Build the network: ``compact``, wider."""
    return residual_network(
        spec,
        classes,
        name="teacher",
        filters=(32, 64, 128),
        blocks=(1, 2, 1),
        dropout=0.3,
    )


PRESET = Preset(
    name="teacher",
    summary="compact's larger sister, for it to learn from (--teacher)",
    graph=build,
    epochs=40,
    learning_rate=2e-3,
    batch_size=128,
)
