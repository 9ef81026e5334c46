"""What a network costs: parameters, multiply-accumulates, and where it can run."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_contract.tflite import EDGETPU_CACHE_BYTES

if TYPE_CHECKING:
    import keras

_MAPPED = frozenset(
    {
        "InputLayer", "Rescaling", "Normalization", "Conv2D", "DepthwiseConv2D",
        "SeparableConv2D", "Conv2DTranspose", "BatchNormalization", "ReLU", "Add",
        "LeakyReLU", "Subtract", "Multiply", "Concatenate", "MaxPooling2D",
        "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten",
        "Reshape", "Dense", "Dropout", "ZeroPadding2D", "UpSampling2D", "Resizing",
        "Softmax",
    }
)  # fmt: skip
"""Layers that become operators which the Edge TPU compiler maps, or none at all.

It does not map LEAKY_RELU, but fer-convert writes that as two ReLUs, exactly.
"""

_MAPPED_ACTIVATIONS = frozenset(
    {"linear", "relu", "relu6", "softmax", "sigmoid", "tanh", "silu"}
)
"""SiLU is a logistic and a product."""

_CONVOLUTIONS = frozenset(
    {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"}
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one network, at one input size."""

    parameters: int
    trainable: int
    macs: int
    """Multiply-accumulates a face, of convolutions and dense layers; batch norm,
    activations and additions are left out, as is usual."""
    convolutions: int
    """How many layers, in all branches."""
    dense_parameters: int
    """Parameters of dense layers. After a ``Flatten`` each belongs to one place of the
    face, so that what was learnt there says nothing of the place beside it."""
    field: int
    """Side in pixels of the square of the face that one feature of the last convolution
    or pooling sees; at most the face's own."""
    unmapped: tuple[str, ...]
    """Kinds of layers that the Edge TPU does not map."""

    @property
    def edge_tpu(self) -> str:
        """Whether fer-convert's model maps: ``ready``, ``ready, streams`` or why not.

        One streams whose parameters do not fit on the chip: slow, by USB.
        """
        if self.unmapped:
            return f"no: {', '.join(self.unmapped)}"
        # In int8 a parameter is a byte.
        fits = self.parameters <= EDGETPU_CACHE_BYTES
        return "ready" if fits else "ready, streams"

    def facts(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "parameters": self.parameters,
            "trainable": self.trainable,
            "mmacs": round(self.macs / 1e6, 2),
            "convolutions": self.convolutions,
            "dense_parameters": self.dense_parameters,
            "field": self.field,
            "edge_tpu": self.edge_tpu,
        }


def cost_of(model: "keras.Model") -> Cost:
    """Count a flat model's parameters and multiply-accumulates."""
    trainable = sum(_product(weight.shape) for weight in model.trainable_weights)
    unmapped = {_unmapped(layer) for layer in model.layers} - {""}
    return Cost(
        parameters=int(model.count_params()),
        trainable=trainable,
        macs=sum(_macs(layer) for layer in model.layers),
        convolutions=sum(
            type(layer).__name__ in _CONVOLUTIONS for layer in model.layers
        ),
        dense_parameters=sum(
            layer.count_params()
            for layer in model.layers
            if type(layer).__name__ == "Dense"
        ),
        field=_field(model),
        unmapped=tuple(sorted(unmapped)),
    )


def _macs(layer: Any) -> int:
    """Return the multiply-accumulates of one layer for one face."""
    kind = type(layer).__name__
    if kind == "Dense":
        return _product(layer.kernel.shape) * _product(layer.output.shape[1:-1])
    if kind == "SeparableConv2D":
        weights = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape
        return sum(_product(part) for part in weights) * _places(layer.output)
    if kind in ("Conv2D", "DepthwiseConv2D"):
        # Of grouped convolutions the kernel has only the channels of one group.
        return _product(layer.kernel.shape) * _places(layer.output)
    if kind == "Conv2DTranspose":
        return _product(layer.kernel.shape) * _places(layer.input)
    return 0


def _field(model: "keras.Model") -> int:
    """Return how much of a face one feature sees, along the path that sees most.

    A window of k features, each s pixels from the next, sees (k - 1) s pixels more
    than one of them does.
    """
    # Tensor -> (pixels that a feature sees, pixels from one feature to the next).
    seen: dict[int, tuple[float, float]] = {}
    for layer in model.layers:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        sees, apart = max(
            (seen.get(id(tensor), (1.0, 1.0)) for tensor in inputs), default=(1.0, 1.0)
        )
        kind = type(layer).__name__
        if kind in _CONVOLUTIONS or kind in ("MaxPooling2D", "AveragePooling2D"):
            window = getattr(layer, "kernel_size", None) or layer.pool_size
            sees += (max(window) - 1) * apart
            apart *= max(layer.strides)
        elif kind in ("Resizing", "UpSampling2D"):
            apart *= layer.input.shape[1] / layer.output.shape[1]
        seen[id(layer.output)] = sees, apart
    widest = math.ceil(max(sees for sees, _ in seen.values()))
    sides = (side or 1 for side in model.input_shape[1:-1])
    return min(widest, max(sides, default=1))


def _product(shape: Iterable[Any]) -> int:
    return math.prod(int(side) for side in shape)


def _places(tensor: Any) -> int:
    return _product(tensor.shape[1:-1])


def _unmapped(layer: Any) -> str:
    """Return what of a layer the Edge TPU does not map, or nothing.

    Source: coral.ai/docs/edgetpu/models-intro, "Supported operations".
    """
    kind = type(layer).__name__
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if kind != "Activation" and kind not in _MAPPED:
        return kind
    return "" if activation in _MAPPED_ACTIVATIONS else activation
