"""A model as one static graph of constants, in which nothing is left to run time."""

from dataclasses import dataclass
from typing import Any

from fer_contract.errors import ModelError, first_line
from fer_converter.backend import start_tensorflow, without_chatter
from fer_converter.rewriting import rewrite
from fer_converter.sources import FloatModel


@dataclass(frozen=True, slots=True)
class FrozenGraph:
    """A model without variables, for one face.

    Attributes:
        definition: TensorFlow's GraphDef, rewritten.
        face: the tensor that takes it, float32 (1, H, W, 1). It and the next are of the
            graph before that; their names are kept.
        scores: the tensor of the answer, float32 (1, C).
    """

    definition: Any
    face: Any
    scores: Any


def freeze(model: FloatModel) -> FrozenGraph:
    """Trace a model for one face, make its weights constants, and rewrite it.

    With an open batch size TFLite computes shapes at run time, in operators that the
    Edge TPU compiler refuses; ``set_shape`` is gone in Keras 3.

    Raises:
        ModelError: a model that takes another number of faces at a time, or that
            cannot be traced.
    """
    _, tf = start_tensorflow()
    # Not public, but the one way to a graph without variables, which the rewriting
    # needs; the converter itself goes through it.
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    if model.batch not in (None, 1):
        raise ModelError(
            f"{model.path}: takes {model.batch} faces at a time; 1 or any is wanted"
        )
    with without_chatter():
        try:
            traced = tf.function(model.call).get_concrete_function(
                tf.TensorSpec((1, *model.input.shape), tf.float32, name="face")
            )
        # A model is somebody's program, and raises what it likes.
        except Exception as mistake:
            raise ModelError(
                f"{model.path}: cannot be traced for one face ({first_line(mistake)})"
            ) from mistake
        frozen = convert_variables_to_constants_v2(traced, aggressive_inlining=True)
        return FrozenGraph(
            rewrite(frozen.graph), face=frozen.inputs[0], scores=frozen.outputs[0]
        )
