"""``.tflite`` models with float input and output, and a look inside of any."""

from typing import Any

import numpy as np

from fer_contract.errors import ModelError, first_line
from fer_contract.metrics import Numbers
from fer_contract.preprocess import Pixels
from fer_contract.quiet import native_messages_to_log
from fer_contract.scores import Quantization
from fer_contract.tflite import load_runtime


class FloatTflite:
    """A ``.tflite`` classifier that takes and gives float32; batch 1.

    Args:
        content: of the file.

    Raises:
        ModelError: the runtime does not take it.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = load(content, num_threads=1)
        self._source = self._interpreter.get_input_details()[0]["index"]
        self._target = self._interpreter.get_output_details()[0]["index"]

    def probabilities(self, face: Pixels) -> Numbers:
        """Classify one face: uint8 (H, W, 1), 0-255 -> float64 (C,), 0 to 1."""
        pixels = face[np.newaxis].astype(np.float32)
        self._interpreter.set_tensor(self._source, pixels)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._target)[0]
        return np.asarray(scores, dtype=np.float64)


class OpenTflite:
    """A ``.tflite`` model that shows every tensor, as real numbers.

    Slow: nothing is fused or delegated.

    Args:
        content: of the file.

    Raises:
        ModelError: the runtime does not take it.
    """

    def __init__(self, content: bytes) -> None:
        runtime, _ = load_runtime()
        self._interpreter = load(
            content,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=(
                runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
        )
        self._input = self._interpreter.get_input_details()[0]
        self._details = {
            part["index"]: part for part in self._interpreter.get_tensor_details()
        }

    def run(self, face: Pixels) -> None:
        """Classify one face, uint8 (H, W, 1), 0-255; then ask for tensors."""
        pixels = face[np.newaxis].astype(self._input["dtype"])
        self._interpreter.set_tensor(self._input["index"], pixels)
        self._interpreter.invoke()

    def tensor(self, index: int) -> Numbers:
        """Return the last values of a tensor, as real numbers."""
        values = self._interpreter.get_tensor(index)
        scale, zero_point = self._details[index]["quantization"]
        if not scale:
            return np.asarray(values, dtype=np.float64)
        return Quantization(float(scale), int(zero_point)).real(values)


def probabilities(classifier: Any, faces: Pixels) -> Numbers:
    """Classify faces one by one, as the device does: (N, H, W, 1) -> (N, C)."""
    return np.stack([classifier.probabilities(face) for face in faces])


def load(content: bytes, **settings: Any) -> Any:
    """Return an interpreter with its tensors allocated.

    Raises:
        ModelError: the runtime does not take the model.
    """
    runtime, name = load_runtime()
    try:
        with native_messages_to_log():
            interpreter = runtime.Interpreter(model_content=content, **settings)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as mistake:
        raise ModelError(
            f"{name} does not take the model ({first_line(mistake)})"
        ) from mistake
    return interpreter
