"""An int8 ``.tflite`` classifier, run as the device runs it.

The converter measures parity through this very class, so what it proves holds for
the code that ships.
"""

import contextlib
import importlib
import importlib.metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError, ModelError, first_line
from fer_contract.manifest import MANIFEST_NAME, BundleManifest
from fer_contract.preprocess import Pixels
from fer_contract.quiet import native_messages_to_log
from fer_contract.scores import Quantization

# Newest first. LiteRT is TensorFlow Lite's successor; 32-bit ARM only has the latter.
_RUNTIMES = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)

EDGETPU_MARK = b"edgetpu-custom-op"
"""Code of the one operator that the Edge TPU compiler makes of many: it stands in every
file that was compiled for the Edge TPU, and in no other."""

EDGETPU_CACHE_BYTES = int(6.88 * 2**20)
"""Of parameters that stay on the chip: 8 MiB less the executable. This is what the
published log of a model of 368 operators shows, 18 KiB used and 6.86 MiB left."""


class TfliteClassifier:
    """A classifier of faces with 8-bit input and output and batch 1.

    Args:
        path: the ``.tflite`` file.
        threads: of the interpreter; one face is too little work to share.
        delegate: what the runtime's ``load_delegate`` gave; a file that was compiled
            for the Edge TPU needs its delegate.
        plain: by the runtime's own kernels, without XNNPACK.

    Raises:
        FerError: no TFLite runtime is installed.
        ModelError: not a model, compiled for the Edge TPU and no delegate, or not
            uint8 in (1, H, W, 1), uint8 out (1, C).
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        delegate: Any = None,
        *,
        plain: bool = False,
    ) -> None:
        interpreter_module, self.runtime = load_runtime()
        try:
            content = path.read_bytes()
        except OSError as failure:
            raise ModelError(f"{path}: {failure.strerror}") from failure
        if EDGETPU_MARK in content and delegate is None:
            wanted = path.name.replace("_edgetpu", "")
            raise ModelError(
                f"{path}: compiled for the Edge TPU; the CPU needs {wanted}"
            )
        delegates = [] if delegate is None else [delegate]
        kernels = interpreter_module.OpResolverType
        own = kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        # What a delegate says is not held back: it may be its last word.
        held = contextlib.nullcontext() if delegates else native_messages_to_log()
        try:
            with held:
                self._interpreter = interpreter_module.Interpreter(
                    model_content=content,
                    num_threads=threads,
                    experimental_delegates=delegates,
                    experimental_op_resolver_type=own if plain else kernels.AUTO,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as mistake:
            raise ModelError(
                f"{path}: not a model that runs ({first_line(mistake)})"
            ) from mistake
        source = self._only(path, "input", self._interpreter.get_input_details())
        target = self._only(path, "output", self._interpreter.get_output_details())
        self._source, self._target = source["index"], target["index"]
        shape = tuple(int(length) for length in source["shape"])
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 1:
            raise ModelError(f"{path}: input is {shape}; (1, H, W, 1) is wanted")
        shape_out = tuple(int(length) for length in target["shape"])
        if len(shape_out) != 2 or shape_out[0] != 1:
            raise ModelError(f"{path}: output is {shape_out}; (1, classes) is wanted")
        self.input_shape = shape[1:]
        """(H, W, 1)."""
        self.classes = shape_out[1]
        scale, zero_point = target["quantization"]
        self.output = Quantization(float(scale), int(zero_point))

    @staticmethod
    def _only(path: Path, side: str, details: list[dict[str, Any]]) -> dict[str, Any]:
        if len(details) != 1:
            raise ModelError(f"{path}: {len(details)} {side}s; exactly 1 is wanted")
        if details[0]["dtype"] is not np.uint8:
            seen = np.dtype(details[0]["dtype"]).name
            raise ModelError(f"{path}: {side} is {seen}; uint8 is wanted")
        return details[0]

    def quantized(self, face: Pixels) -> npt.NDArray[np.uint8]:
        """Classify one face.

        Args:
            face: uint8 (H, W, 1), 0-255, of ``input_shape``.

        Returns:
            uint8 (C,), the model's own output; ``output`` says what it means.

        Raises:
            ValueError: a face of another dtype or shape.
        """
        check_face(face, self.input_shape)
        self._interpreter.set_tensor(self._source, face[np.newaxis])
        self._interpreter.invoke()
        scores: npt.NDArray[np.uint8] = self._interpreter.get_tensor(self._target)[0]
        return scores

    def probabilities(self, face: Pixels) -> npt.NDArray[np.float64]:
        """Classify one face; as ``quantized``, but float64 (C,), 0 to 1."""
        return self.output.real(self.quantized(face))


def open_bundled(
    bundle: Path, manifest: BundleManifest, threads: int = 1
) -> TfliteClassifier:
    """Open a bundle's model for the processor.

    Args:
        bundle: directory that ``fer-convert`` made.
        manifest: its own.
        threads: as for ``TfliteClassifier``.

    Raises:
        FerError: no TFLite runtime is installed.
        ModelError: no such model, or not the one that the manifest tells of.
    """
    path = bundle / manifest.MODEL
    model = TfliteClassifier(path, threads)
    if model.input_shape != manifest.input.shape:
        raise ModelError(
            f"{path}: input is {model.input_shape}; {MANIFEST_NAME} says "
            f"{manifest.input.shape}"
        )
    if model.classes != len(manifest.labels):
        raise ModelError(
            f"{path}: {model.classes} outputs; {MANIFEST_NAME} has "
            f"{len(manifest.labels)} labels"
        )
    return model


def check_face(face: Pixels, shape: tuple[int, ...]) -> None:
    """Check that a face is what a model takes.

    Args:
        face: what is to be classified.
        shape: (H, W, 1), as the model wants it.

    Raises:
        ValueError: another dtype or shape; the message shows both.
    """
    if face.dtype != np.uint8 or face.shape != shape:
        raise ValueError(f"face is {face.dtype} {face.shape}; uint8 {shape} wanted")


def load_runtime() -> tuple[ModuleType, str]:
    """Import the newest TFLite runtime there is.

    Returns:
        The module with ``Interpreter``, and name and version for people.

    Raises:
        FerError: none is installed.
    """
    for module, distribution in _RUNTIMES:
        try:
            runtime = importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        return runtime, f"{distribution} {importlib.metadata.version(distribution)}"
    raise FerError(
        "no TFLite runtime installed; this command needs: "
        "pip install 'fer-edge-toolkit[edge]'"
    )
