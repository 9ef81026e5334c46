"""What the Edge TPU runs of an operator, and in which form.

Versions are those that the parser of ``edgetpu_compiler`` 16.0 knows: TFLite's
``kernels/register.cc`` at the compiler's own change, 2021-07-13. Forms are those of
Coral's table of supported operations (coral.ai/docs/edgetpu/models-intro). A limit is
a small function: its docstring is the rule, and it says whether an operator keeps it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer_converter.tflite_file import Operator

Limit = Callable[[Operator], bool]

_SOFTMAX_ELEMENTS = 16_000


def no_activation_inside(op: Operator) -> bool:
    """No activation function is fused into it."""
    return not getattr(op.options, "fusedActivationFunction", 0)


def same_dilation(op: Operator) -> bool:
    """Dilation is the same in x and y."""
    return bool(op.options.dilationWFactor == op.options.dilationHFactor)


def plain_weights(op: Operator) -> bool:
    """Weights lie in the default format, and the output is one-dimensional."""
    return not op.options.weightsFormat and _one_dimensional(op.outputs[0].shape)


def one_dimensional(op: Operator) -> bool:
    """Input is one-dimensional, with at most 16,000 elements."""
    shape = op.inputs[0].shape
    return _one_dimensional(shape) and op.inputs[0].elements <= _SOFTMAX_ELEMENTS


def depth_in_fours(op: Operator) -> bool:
    """Along the depth, that is a multiple of 4."""
    shape = op.inputs[0].shape
    return len(shape) - 1 not in _axes(op) or shape[-1] % 4 == 0


def not_over_batch(op: Operator) -> bool:
    """It does not work along the batch."""
    return 0 not in _axes(op)


def batch_not_padded(op: Operator) -> bool:
    """It does not pad the batch."""
    return not op.inputs[1].values[0].any()


def slope_a_channel(op: Operator) -> bool:
    """Its slope differs by channel only: ``shared_axes=[1, 2]``."""
    return _one_dimensional(op.inputs[1].shape)


def zeros_to_join(op: Operator) -> bool:
    """A constant among its inputs is one of two, and all zero."""
    constants = [part for part in op.inputs if part.constant]
    return not constants or (
        len(op.inputs) == 2
        and all((part.values == part.zero_points[0]).all() for part in constants)
    )


def strides_of_one(op: Operator) -> bool:
    """Strides are 1, without an ellipsis or a new axis."""
    return (
        bool((op.inputs[3].values == 1).all())
        and not op.options.ellipsisMask
        and not op.options.newAxisMask
    )


def constant_shape(op: Operator) -> bool:
    """The shape, axis or size that it is given is a constant."""
    return all(part.constant for part in op.inputs[1:])


def leading_ones(op: Operator) -> bool:
    """Only leading dimensions of 1 are dropped."""
    shape, out = op.inputs[0].shape, op.outputs[0].shape
    return shape[len(shape) - len(out) :] == out


@dataclass(frozen=True, slots=True)
class Support:
    """How far the Edge TPU runs an operator."""

    version: int
    """Highest that the compiler parses."""
    limits: tuple[Limit, ...] = ()
    weights: tuple[int, ...] = ()
    """Inputs that must be constants, by position."""
    kinds: tuple[str, ...] = ()
    """Of elements, besides those of 8 bits."""


EDGETPU: dict[str, Support] = {
    "ADD": Support(4),
    "AVERAGE_POOL_2D": Support(3, (no_activation_inside,)),
    "CONCATENATION": Support(3, (no_activation_inside, zeros_to_join)),
    "CONV_2D": Support(5, (same_dilation,), (1, 2)),
    "DEPTHWISE_CONV_2D": Support(6, (same_dilation,), (1, 2)),
    "EXPAND_DIMS": Support(1, (constant_shape,)),
    "FULLY_CONNECTED": Support(9, (plain_weights,), (1, 2)),
    "L2_NORMALIZATION": Support(2),
    "LOGISTIC": Support(3),
    "MAXIMUM": Support(4),
    "MAX_POOL_2D": Support(3, (no_activation_inside,)),
    "MEAN": Support(3, (constant_shape, not_over_batch, depth_in_fours)),
    "MINIMUM": Support(4),
    "MUL": Support(5),
    "PACK": Support(3),
    "PAD": Support(4, (constant_shape, batch_not_padded)),
    "PRELU": Support(1, (slope_a_channel,), (1,)),
    "QUANTIZE": Support(2),
    "REDUCE_MAX": Support(3, (constant_shape, not_over_batch)),
    "REDUCE_MIN": Support(3, (constant_shape, not_over_batch)),
    "RELU": Support(3),
    "RELU6": Support(3),
    "RELU_N1_TO_1": Support(1),
    "RESHAPE": Support(1, (constant_shape,)),
    "RESIZE_BILINEAR": Support(4, (constant_shape,)),
    "RESIZE_NEAREST_NEIGHBOR": Support(4, (constant_shape,)),
    "RSQRT": Support(2),
    "SLICE": Support(5, (constant_shape,)),
    "SOFTMAX": Support(3, (one_dimensional,)),
    "SPACE_TO_DEPTH": Support(2),
    "SPLIT": Support(4),
    "SQUARED_DIFFERENCE": Support(2),
    "SQUEEZE": Support(2, (leading_ones,)),
    "STRIDED_SLICE": Support(6, (constant_shape, strides_of_one)),
    "SUB": Support(5),
    "SUM": Support(2, (constant_shape, not_over_batch)),
    "TANH": Support(3),
    "TRANSPOSE": Support(5, (constant_shape,)),
    "TRANSPOSE_CONV": Support(3, (), (0, 1)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Support(3, kinds=("int16",)),
}

PARSED: dict[str, int] = {
    **{name: support.version for name, support in EDGETPU.items()},
    # These the compiler reads, and leaves to the CPU.
    "CAST": 1,
    "DEQUANTIZE": 4,
    "HARD_SWISH": 1,
    "LEAKY_RELU": 2,
    "PADV2": 4,
    "SHAPE": 1,
}
"""Highest version of an operator that the compiler reads; a newer one ends it."""


def _one_dimensional(shape: tuple[int, ...]) -> bool:
    return all(length == 1 for length in shape[:-1])


def _axes(op: Operator) -> set[int]:
    rank = len(op.inputs[0].shape)
    return {int(axis) % rank for axis in np.ravel(op.inputs[1].values)}
