"""Int8 weights and biases chosen so that each layer computes what float does.

TFLite rounds each weight to the nearest step. What that changes of a layer's outputs is
measured on the calibration faces: the weights are rounded so that it varies least
(``rounding.py``), and what is constant of it goes into the bias, which has 32 bits
(Nagel et al. 2019, arXiv 1906.04721, section 4.2). Scales, operators and the size of
the file stay as they were.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.metrics import Numbers
from fer_contract.preprocess import Pixels
from fer_converter.interpreters import OpenTflite
from fer_converter.kernels import WEIGHTED, Kernel
from fer_converter.rounding import compensated, in_steps, nearest
from fer_converter.tflite_file import Operator, Tensor, TfliteFile

_PLACES = 32
"""Of each face's map, drawn at random: neighbours tell much the same."""
LARGEST_COVARIANCE = 4608**2
"""Numbers, 170 MB. A layer with a larger one gets a bias alone."""
_ROWS = 512
"""That are multiplied at once: adding to a large covariance takes longer than that."""


@dataclass(frozen=True, slots=True)
class Compensation:
    """What came of it."""

    content: bytes
    """The ``.tflite`` file."""
    layers: int
    """With weights."""
    compensated: int
    """Of those, how many have weights that were rounded together."""


def compensate(
    ints: TfliteFile,
    floats: TfliteFile,
    faces: Pixels,
    largest: int = LARGEST_COVARIANCE,
) -> Compensation:
    """Choose the weights and biases of an int8 file anew.

    A layer keeps what it has where the float file has not the same one, and a constant
    what it is where another layer reads it, too.

    Args:
        ints: the int8 file.
        floats: the float32 file of the same graph.
        faces: those that calibrated it, uint8 (N, H, W, 1), at least one.
        largest: covariance, in numbers, by which a layer's weights are rounded.
    """
    constants = _Constants(ints.content)
    weighted = [op for op in ints.operators if op.name in WEIGHTED]
    twins = {op.outputs[0].name: op for op in floats.operators}
    layers = [
        _Layer(op, twin, largest)
        for op in weighted
        if (twin := twins.get(op.outputs[0].name)) is not None
        and _same(op, twin)
        and constants.owned(op.inputs[1])
    ]
    float_model = OpenTflite(floats.content)
    draw = np.random.default_rng(0)
    for face in faces:
        float_model.run(face)
        for layer in layers:
            layer.watch(float_model, draw)
    together = sum([layer.fit(constants) for layer in layers])
    return Compensation(bytes(constants.content), len(weighted), together)


class _Constants:
    """The constants of a file; others of the same size can take their places."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.content = bytearray(content)
        self._model = schema.Model.GetRootAs(self.content, 0)
        self._graph = self._model.Subgraphs(0)
        self._readers: dict[int, int] = {}
        for number in range(self._graph.OperatorsLength()):
            operator = self._graph.Operators(number)
            for index in map(operator.Inputs, range(operator.InputsLength())):
                if index >= 0:  # one left out is -1
                    buffer = self._buffer(index)
                    self._readers[buffer] = self._readers.get(buffer, 0) + 1

    def owned(self, tensor: Tensor) -> bool:
        """Say whether one operator alone reads a constant: equal ones may be one."""
        return self._readers[self._buffer(tensor.index)] == 1

    def put(self, tensor: Tensor, values: npt.NDArray[Any]) -> None:
        """Replace a constant."""
        place = self._model.Buffers(self._buffer(tensor.index)).DataAsNumpy()
        place[:] = np.frombuffer(values.astype(tensor.kind).tobytes(), np.uint8)

    def _buffer(self, tensor: int) -> int:
        return int(self._graph.Tensors(tensor).Buffer())


class _Layer:
    """A layer in int8, and the same one in float."""

    def __init__(self, int8: Operator, real: Operator, largest: int) -> None:
        self._int8, self._real = int8, real
        self._kernel = kernel = Kernel(real)
        self._rows: list[Numbers] = []
        self._seen = 0
        self._pivot = np.zeros((kernel.groups, kernel.weights))
        self._total = np.zeros_like(self._pivot)
        square = (kernel.groups, kernel.weights, kernel.weights)
        small = np.prod(square) <= largest
        self._products = np.zeros(square) if small else None

    def watch(self, model: OpenTflite, draw: np.random.Generator) -> None:
        """Take note of what the weights meet in a float model that has just run."""
        inputs = model.tensor(self._real.inputs[0].index)
        self._rows.append(self._kernel.met(inputs, _PLACES, draw))
        if sum(map(len, self._rows)) >= _ROWS:
            self._add_up()

    def _add_up(self) -> None:
        rows = np.concatenate(self._rows)  # (R, G, D)
        self._rows = []
        if not self._seen:
            # From about the mean: where inputs hardly differ, their squares would drown
            # what they differ by.
            self._pivot = rows.mean(0)
        rows = rows - self._pivot
        self._seen += len(rows)
        self._total += rows.sum(0)
        if self._products is not None:
            self._products += rows.transpose(1, 2, 0) @ rows.transpose(1, 0, 2)

    def fit(self, constants: _Constants) -> bool:
        """Choose the weights and the bias, and put them into the int8 file.

        Returns:
            Whether the weights were rounded together.
        """
        if self._rows:
            self._add_up()
        if not np.isfinite(self._total).all():
            return False
        weights = self._kernel.grouped(self._real.inputs[1].values)
        scales = _scales(self._int8.inputs[1], weights.shape[:2])
        mean, products = self._pivot + self._total / self._seen, self._products
        if products is None:
            steps = self._kernel.grouped(self._int8.inputs[1].values)
        else:
            self._products = None  # of all layers they would fill the memory
            off = self._total / self._seen
            covariance = products / self._seen - off[:, :, None] * off[:, None]
            steps = compensated(weights, scales, covariance)
            constants.put(self._int8.inputs[1], self._kernel.in_order(steps))
        self._fit_bias(constants, weights - steps * scales[..., None], mean)
        return products is not None

    def _fit_bias(self, constants: _Constants, lost: Numbers, mean: Numbers) -> None:
        """Add to the bias what rounding takes from the outputs' means."""
        if len(self._int8.inputs) < 3 or not constants.owned(self._int8.inputs[2]):
            return
        bias = self._int8.inputs[2]
        missing = np.einsum("god,gd->go", lost, mean)
        wanted = self._real.inputs[2].values + missing.ravel()
        whole = np.rint(in_steps(wanted, _scales(bias, wanted.shape)))
        limits = np.iinfo(bias.kind)
        constants.put(bias, np.clip(whole, limits.min, limits.max))


def _same(int8: Operator, real: Operator) -> bool:
    """Say whether two operators are one layer, in int8 and in float."""
    if real.name != int8.name or len(real.inputs) != len(int8.inputs):
        return False
    pairs = list(zip(int8.inputs, real.inputs, strict=True))[1:]
    if any(a.data is None or b.data is None or a.shape != b.shape for a, b in pairs):
        return False
    if not all(part.scales for part, _ in pairs):  # TFLite left it in float
        return False
    kernel = Kernel(real)
    weights = kernel.grouped(real.inputs[1].values)
    steps = nearest(weights, _scales(int8.inputs[1], weights.shape[:2]))
    # Else something was folded into one of both.
    apart = np.abs(steps - kernel.grouped(int8.inputs[1].values))
    return bool(apart.max() <= 1)


def _scales(tensor: Tensor, shape: tuple[int, ...]) -> Numbers:
    """Return the scale of each filter: there is one each, or one for all."""
    count = int(np.prod(shape))
    return np.broadcast_to(np.asarray(tensor.scales), (count,)).reshape(shape)
