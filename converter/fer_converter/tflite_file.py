"""What a ``.tflite`` file says of itself: operators, tensors, constants.

Read with the schema that LiteRT ships, without running the model and without
TensorFlow, so that files of any origin can be looked at.
"""

import functools
import hashlib
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ModelError
from fer_contract.tflite import EDGETPU_MARK

_IDENTIFIER = slice(4, 8)  # of every FlatBuffers file that names its kind


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a graph, constant or computed."""

    index: int
    name: str
    shape: tuple[int, ...]
    static: bool
    """Whether its shape is known before the model runs."""
    kind: str
    """Of its elements: ``int8``, ``uint8``, ``int32``, ``float32`` …"""
    data: bytes | None
    """Of a constant; None of what is computed."""
    scales: tuple[float, ...]
    """One, one a channel, or none if it is not quantized."""
    zero_points: tuple[int, ...]

    @property
    def constant(self) -> bool:
        """Whether its value is in the file."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def values(self) -> npt.NDArray[Any]:
        """Numbers of a constant, in its shape."""
        assert self.data is not None
        return np.frombuffer(self.data, dtype=self.kind).reshape(self.shape)

    @property
    def range(self) -> tuple[float, float] | None:
        """Real values that a quantized tensor of one scale can hold."""
        if len(self.scales) != 1 or self.kind not in ("int8", "uint8", "int16"):
            return None
        limits = np.iinfo(self.kind)
        scale, zero = self.scales[0], self.zero_points[0]
        return scale * (limits.min - zero), scale * (limits.max - zero)


DAMAGE = (
    struct.error,
    IndexError,
    TypeError,
    KeyError,
    ValueError,
    AttributeError,
    MemoryError,
    OverflowError,
)
"""What an offset into nowhere, or an operator without its inputs, leads to."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of a graph."""

    index: int
    name: str
    """As the compiler's table has it: ``CONV_2D``; a custom one by its code."""
    version: int
    inputs: tuple[Tensor, ...]
    """Without those left out."""
    outputs: tuple[Tensor, ...]
    options: Any
    """Of the schema, or None; their names are those of the schema."""

    @property
    def multiplications(self) -> int:
        """Multiply-accumulate operations of one run; 0 where there are hardly any."""
        if self.name == "CONV_2D":  # weights: (out, height, width, in)
            return self.outputs[0].elements * int(np.prod(self.inputs[1].shape[1:]))
        if self.name == "DEPTHWISE_CONV_2D":  # weights: (1, height, width, out)
            return self.outputs[0].elements * int(np.prod(self.inputs[1].shape[1:3]))
        if self.name == "TRANSPOSE_CONV":  # output shape, weights, input
            return self.inputs[2].elements * int(
                np.prod((*self.inputs[1].shape[:1], *self.inputs[1].shape[1:3]))
            )
        if self.name == "FULLY_CONNECTED":
            rows = self.outputs[0].elements // max(1, self.inputs[1].shape[0])
            return rows * self.inputs[1].elements
        return 0


@dataclass(frozen=True, slots=True)
class TfliteFile:
    """A model with one graph, as its file has it."""

    path: Path
    content: bytes = field(repr=False)
    digest: str
    """SHA-256 in lower-case hexadecimal."""
    operators: tuple[Operator, ...]
    """In the order in which they run."""
    tensors: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    graphs: int
    """More than one if it branches or loops; only the first is described."""

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    @property
    def compiled(self) -> bool:
        """Whether the Edge TPU compiler made it."""
        return any(op.name == EDGETPU_MARK.decode() for op in self.operators)

    @property
    def multiplications(self) -> int:
        """Multiply-accumulate operations of one run."""
        return sum(operator.multiplications for operator in self.operators)

    @property
    def parameter_bytes(self) -> int:
        """Of all constants that operators read."""
        used = {
            tensor.index: len(tensor.data)
            for operator in self.operators
            for tensor in operator.inputs
            if tensor.data is not None
        }
        return sum(used.values())


def read_tflite(path: Path) -> TfliteFile:
    """Read a ``.tflite`` file.

    Raises:
        ModelError: missing, truncated or no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise ModelError(f"{path}: {failure.strerror}") from failure
    return parse_tflite(content, path)


def parse_tflite(content: bytes, path: Path) -> TfliteFile:
    """Describe a model.

    Args:
        content: of the file.
        path: its name, for messages.

    Raises:
        ModelError: truncated or no such file.
    """
    from ai_edge_litert import schema_py_generated as schema

    if content[_IDENTIFIER] != b"TFL3":
        raise ModelError(f"{path}: not a .tflite file ({len(content)} bytes)")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        graph = model.subgraphs[0]
        tensors = tuple(
            _tensor(index, part, model.buffers)
            for index, part in enumerate(graph.tensors)
        )
        operators = tuple(
            _operator(index, part, model.operatorCodes, tensors)
            for index, part in enumerate(graph.operators)
        )
        return TfliteFile(
            path=path,
            content=content,
            digest=hashlib.sha256(content).hexdigest(),
            operators=operators,
            tensors=tensors,
            inputs=tuple(tensors[index] for index in graph.inputs),
            outputs=tuple(tensors[index] for index in graph.outputs),
            graphs=len(model.subgraphs),
        )
    except DAMAGE as mistake:
        raise ModelError(
            f"{path}: truncated or damaged ({len(content)} bytes)"
        ) from mistake


def _tensor(index: int, part: Any, buffers: Any) -> Tensor:
    content = buffers[part.buffer].data
    # An empty buffer stands for "computed", except for a tensor without elements.
    data = None if content is None or not len(content) else bytes(content)
    quantization = part.quantization
    scales = () if quantization is None else quantization.scale
    zeros = () if quantization is None else quantization.zeroPoint
    signature = part.shapeSignature
    return Tensor(
        index=index,
        name=(part.name or b"").decode(errors="replace"),
        shape=tuple(int(length) for length in _list(part.shape)),
        static=all(length >= 0 for length in _list(signature)),
        kind=_element_kinds()[part.type],
        data=data,
        scales=tuple(float(scale) for scale in _list(scales)),
        zero_points=tuple(int(zero) for zero in _list(zeros)),
    )


def _operator(
    index: int, part: Any, codes: Any, tensors: tuple[Tensor, ...]
) -> Operator:
    code = codes[part.opcodeIndex]
    # Before 2020 the code was one byte; newer files fill both.
    name = _operator_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if name == "CUSTOM":
        name = (code.customCode or b"").decode(errors="replace")
    return Operator(
        index=index,
        name=name,
        version=int(code.version),
        inputs=tuple(tensors[k] for k in _list(part.inputs) if k >= 0),
        outputs=tuple(tensors[k] for k in _list(part.outputs)),
        options=part.builtinOptions,
    )


def _list(values: Any) -> list[Any]:
    """Return an array of the schema, which is None where it is empty."""
    return [] if values is None else list(values)


@functools.cache
def _operator_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return _names_of(schema.BuiltinOperator)


@functools.cache
def _element_kinds() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    kinds = _names_of(schema.TensorType)
    return {number: name.lower() for number, name in kinds.items()}


def _names_of(enumeration: type) -> dict[int, str]:
    return {
        value: name
        for name, value in vars(enumeration).items()
        if isinstance(value, int)
    }
