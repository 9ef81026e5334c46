"""Exact rewrites of a frozen graph: the same function, in a form that quantizes well.

They keep the names of what they replace, so that layers can be compared afterwards.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_converter.backend import start_tensorflow

_FOLDING = frozenset({"BiasAdd", "Conv2D", "DepthwiseConv2dNative", "MatMul"})
_PURE = frozenset(
    {"Cast", "Const", "Identity", "Mul", "AddV2", "Sub", "Rsqrt", "Reshape", "Squeeze"}
)


class _Graph:
    """A GraphDef that is looked up by name and rewritten node by node."""

    def __init__(self, definition: Any, shapes: Any) -> None:
        _, self._tf = start_tensorflow()
        self._shapes = shapes
        self.definition = definition
        self.nodes = {node.name: node for node in definition.node}
        self._readers: dict[str, int] = {}
        for node in definition.node:
            for source in node.input:
                name = _plain(source)
                self._readers[name] = self._readers.get(name, 0) + 1

    def source(self, node: Any, position: int) -> Any:
        """Return the node that an input comes from."""
        return self.nodes[_plain(node.input[position])]

    def channels(self, node: Any) -> int | None:
        """Return how many a picture has (1, H, W, C); None if it is none."""
        try:
            shape = self._shapes.get_tensor_by_name(f"{node.name}:0").shape
        except (KeyError, ValueError):  # it is one of ours
            return None
        return shape[3] if shape.rank == 4 else None

    def chain(self, node: Any, *kinds: str | tuple[str, ...]) -> list[Any] | None:
        """Follow first inputs back: nodes of these kinds that nobody else reads."""
        found = []
        for kind in kinds:
            node = self.source(node, 0)
            if node.op not in ((kind,) if isinstance(kind, str) else kind):
                return None
            if self._readers.get(node.name, 0) != 1:
                return None
            found.append(node)
        return found

    def constant(self, node: Any) -> npt.NDArray[np.float32] | None:
        """Return what a node computes from constants alone, or None."""
        needed = self._made_of_constants(node)
        if needed is None:
            return None
        tf = self._tf
        alone = tf.compat.v1.GraphDef(versions=self.definition.versions)
        alone.node.extend(needed.values())
        imported = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(alone, name=""), []
        )
        values: npt.NDArray[np.float32] = imported.prune([], f"{node.name}:0")().numpy()
        return values

    def _made_of_constants(self, node: Any) -> dict[str, Any] | None:
        """Return all nodes that a node is computed from; None if one is no constant."""
        found: dict[str, Any] = {}
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if part.op not in _PURE:
                return None
            found[part.name] = part
            waiting += [self.nodes[_plain(source)] for source in part.input]
        return found

    def add_constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Add a constant and return its name."""
        node = self.definition.node.add(op="Const", name=name)
        kind = self._tf.dtypes.as_dtype(values.dtype)
        node.attr["dtype"].type = kind.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(self._tf.make_tensor_proto(values))
        self.nodes[name] = node
        return name

    def add(self, op: str, name: str, *inputs: str) -> str:
        """Add a node on float32 and return its name."""
        node = self.definition.node.add(op=op, name=name, input=inputs)
        node.attr["T"].type = self._tf.float32.as_datatype_enum
        self.nodes[name] = node
        return name

    def replace(self, node: Any, op: str, *inputs: str) -> None:
        """Make a node another one on float32, with the same name."""
        kind = node.attr["T"].type
        node.op = op
        del node.input[:]
        node.input.extend(inputs)
        node.attr.clear()
        node.attr["T"].type = kind

    def reshaped(self, name: str, source: str, shape: tuple[int, ...]) -> str:
        """Add a reshape and return its name."""
        wanted = self.add_constant(f"{name}/shape", np.array(shape, np.int32))
        self.add("Reshape", name, source, wanted)
        self.nodes[name].attr["Tshape"].type = self._tf.int32.as_datatype_enum
        return name

    def pointwise(
        self, node: Any, source: str, factors: npt.NDArray[np.float32]
    ) -> None:
        """Make a node a depthwise convolution of one pixel, by factors (C,)."""
        shape = (1, 1, -1, 1)
        weights = self.add_constant(f"{node.name}/factors", factors.reshape(shape))
        self.convolution(node, "DepthwiseConv2dNative", source, weights)

    def convolution(self, node: Any, op: str, source: str, weights: str) -> None:
        """Make a node a convolution with a step of one pixel."""
        self.replace(node, op, source, weights)
        for key in ("strides", "dilations"):
            node.attr[key].list.i.extend([1, 1, 1, 1])
        node.attr["padding"].s = b"VALID"
        node.attr["data_format"].s = b"NHWC"

    def biased(self, node: Any, source: str, bias: str) -> None:
        """Make a node the sum of a convolution and a bias."""
        self.replace(node, "BiasAdd", source, bias)
        node.attr["data_format"].s = b"NHWC"


def rewrite(frozen: Any) -> Any:
    """Return the GraphDef of a TensorFlow graph of constants, all rewrites done."""
    _, tf = start_tensorflow()
    copy = frozen.as_graph_def()
    graph = _Graph(copy, frozen)
    for node in list(copy.node):
        if "T" in node.attr and node.attr["T"].type == tf.float32.as_datatype_enum:
            for part in _REWRITES:
                part(graph, node)
    return copy


def batch_norm_after_relu(graph: _Graph, node: Any) -> None:
    """Batch normalisation after a layer and its ReLU goes into the layer, but for sign.

    relu(layer(x)) * k + b = relu(layer(x) * |k|) * sign(k) + b. Left alone, a channel
    of small values and large k has few steps of the 8 bits that it shares with the
    others, and k makes that large: it cost the study's complex network 40 points of
    accuracy. In the layer it levels the channels. What is left, sign and b, becomes a
    depthwise convolution of a single pixel, with a bias of 32 bits.

    A dense layer becomes a convolution of a single pixel: it has a scale a channel,
    which a dense one must not have. A unit that never fires has a huge k.
    """
    if node.op not in ("AddV2", "Add"):
        return
    scaled = graph.chain(node, "Mul", "Relu", "BiasAdd", ("Conv2D", "MatMul"))
    if scaled is None:
        return
    product, relu, biased, layer = scaled
    factors, shift, weights, bias = (
        graph.constant(graph.source(part, 1)) for part in (product, node, layer, biased)
    )
    if factors is None or shift is None or weights is None or bias is None:
        return
    if not factors.shape == shift.shape == bias.shape or _transposed(layer):
        return
    size = np.abs(factors)
    signs = np.where(factors < 0, np.float32(-1), np.float32(1))
    levelled = graph.add_constant(f"{layer.name}/levelled", weights * size)
    biased.input[1] = graph.add_constant(f"{biased.name}/levelled", bias * size)
    biased.attr["data_format"].s = b"NHWC"
    graph.pointwise(product, relu.name, signs)
    if layer.op == "Conv2D":
        layer.input[1] = levelled
        graph.biased(node, product.name, node.input[1])
        return
    inputs, units = weights.shape
    picture = graph.reshaped(f"{layer.name}/pixel", layer.input[0], (1, 1, 1, inputs))
    kernel = graph.reshaped(f"{layer.name}/kernel", levelled, (1, 1, inputs, units))
    graph.convolution(layer, "Conv2D", picture, kernel)
    total = graph.add("BiasAdd", f"{node.name}/pixel")
    graph.biased(graph.nodes[total], product.name, node.input[1])
    flat = graph.reshaped(f"{node.name}/units", total, (1, units))
    graph.replace(node, "Identity", flat)


def scale_and_shift(graph: _Graph, node: Any) -> None:
    """A factor and a shift of a picture become one depthwise convolution of a pixel.

    As two operators they round twice, and share a range that neither fills: of pixels
    normalised to -1..1 only 170 of 256 steps are left. After a convolution without an
    activation TFLite folds both into it, which is better still.
    """
    if node.op not in ("AddV2", "Add"):
        return
    scaled = graph.chain(node, "Mul")
    if scaled is None:
        return
    (product,) = scaled
    x = graph.source(product, 0)
    channels = graph.channels(x)
    if channels is None or x.op in _FOLDING:
        return
    factors = graph.constant(graph.source(product, 1))
    shift = graph.constant(graph.source(node, 1))
    if factors is None or shift is None:
        return
    if not {factors.shape, shift.shape} <= {(), (1,), (channels,)}:
        return
    full = np.broadcast_to(factors, (channels,))
    graph.pointwise(product, product.input[0], full)
    bias = np.array(np.broadcast_to(shift, (channels,)))
    graph.biased(node, product.name, graph.add_constant(f"{node.name}/bias", bias))


def leaky_relu(graph: _Graph, node: Any) -> None:
    """LeakyReLU is relu(x) - relu(-slope * x): one of both terms is always 0.

    Its own operator does not map to the Edge TPU (google-coral/edgetpu, issue 597);
    these do. So does PReLU, but LiteRT has no fast 8-bit kernel for it: 4.6 ms a face
    instead of 1.1 in the study's batch-norm network. The larger of x and slope * x is
    no choice: a maximum has one scale for all, that of its result, which clips x.
    """
    if node.op != "LeakyRelu" or node.attr["alpha"].f < 0:
        return
    slope, x = np.float32(node.attr["alpha"].f), graph.source(node, 0)
    mirrored = f"{node.name}/mirrored"
    if not _mirror_pointwise(graph, x, mirrored, slope):
        factor = graph.add_constant(f"{mirrored}/slope", np.array(-slope))
        graph.add("Mul", mirrored, node.input[0], factor)
    above = graph.add("Relu", f"{node.name}/above", node.input[0])
    below = graph.add("Relu", f"{node.name}/below", mirrored)
    graph.replace(node, "Sub", above, below)


def _mirror_pointwise(graph: _Graph, x: Any, name: str, slope: np.float32) -> bool:
    """Compute -slope * x anew where x is a pointwise convolution; say whether it is.

    From the same source, so that both terms have a ReLU fused and a scale of their own.
    """
    product = graph.source(x, 0) if x.op == "BiasAdd" else None
    if product is None or product.op != "DepthwiseConv2dNative":
        return False
    if set(product.attr["strides"].list.i) != {1}:
        return False
    factors = graph.constant(graph.source(product, 1))
    shift = graph.constant(graph.source(x, 1))
    if factors is None or shift is None or factors.shape != (1, 1, len(shift), 1):
        return False
    again = graph.add("DepthwiseConv2dNative", f"{name}/product")
    graph.pointwise(graph.nodes[again], product.input[0], -slope * factors.ravel())
    bias = graph.add_constant(f"{name}/bias", -slope * shift)
    graph.biased(graph.nodes[graph.add("BiasAdd", name)], again, bias)
    return True


_REWRITES: tuple[Callable[[_Graph, Any], None], ...] = (
    batch_norm_after_relu,
    scale_and_shift,
    leaky_relu,
)


def _transposed(layer: Any) -> bool:
    return any(
        # To ask for an attribute that is not there would make it.
        key in layer.attr and layer.attr[key].b
        for key in ("transpose_a", "transpose_b")
    )


def _plain(name: str) -> str:
    """Return the node of an input: ``^name`` and ``name:0`` are ``name``."""
    return name.removeprefix("^").split(":")[0]
