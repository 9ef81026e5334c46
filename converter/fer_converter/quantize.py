"""From a trained Keras model to an int8 TFLite model."""

import contextlib
import importlib.metadata
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ModelError
from fer_contract.labels import Labels
from fer_contract.preprocess import InputSpec, Pixels
from fer_contract.quiet import native_messages_to_log


class FloatModel:
    """A trained Keras model, with batch 1 and nothing dynamic in its graph.

    Args:
        path: ``.keras`` file.
        spec: the input that its manifest names.
        labels: likewise, the classes.

    Raises:
        ModelError: not a Keras model, one of another input or output, or one whose
            weights are not finite.
    """

    def __init__(self, path: Path, spec: InputSpec, labels: Labels) -> None:
        keras, _ = start_tensorflow()
        try:
            trained = keras.saving.load_model(path, compile=False)
        except (OSError, ValueError, TypeError, KeyError) as mistake:
            reason = str(mistake).strip().splitlines()[0]
            raise ModelError(f"{path}: not a Keras model ({reason})") from mistake
        if trained.input_shape != (None, *spec.shape):
            raise ModelError(
                f"{path}: input is {trained.input_shape}; the manifest says "
                f"{(None, *spec.shape)}"
            )
        if trained.output_shape != (None, len(labels)):
            raise ModelError(
                f"{path}: output is {trained.output_shape}; the manifest has "
                f"{len(labels)} labels"
            )
        for weight in trained.weights:
            if not np.isfinite(weight.numpy()).all():
                raise ModelError(f"{path}: {weight.path} holds a NaN or an infinity")
        self.weight_bytes = 4 * sum(weight.numpy().size for weight in trained.weights)
        """Of all weights as float32; the file holds the optimizer's state too."""
        self._trained = trained
        # With an open batch size TFLite computes shapes at run time, in operators
        # that the Edge TPU compiler refuses. set_shape is gone in Keras 3.
        fixed = keras.Input(batch_shape=(1, *spec.shape))
        self._fixed = keras.Model(fixed, trained(fixed, training=False))

    def probabilities(self, faces: Pixels) -> npt.NDArray[np.float64]:
        """Classify faces: uint8 (N, H, W, 1) -> float64 (N, C), 0 to 1."""
        scores = self._trained.predict(faces, batch_size=512, verbose=0)
        return np.asarray(scores, dtype=np.float64)

    def quantized(self, calibration: Pixels) -> bytes:
        """Quantize to 8 bits throughout, weights, activations, input and output.

        Args:
            calibration: uint8 (N, H, W, 1), faces that the activations are measured
                on, exactly as the device will see them.

        Returns:
            A ``.tflite`` file; uint8 in, uint8 out.

        Raises:
            ModelError: an operation that has no 8-bit form.
        """
        _, tensorflow = start_tensorflow()
        with _without_chatter():
            converter = tensorflow.lite.TFLiteConverter.from_keras_model(self._fixed)
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (
                [face[np.newaxis].astype(np.float32)] for face in calibration
            )
            converter.target_spec.supported_ops = [
                tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8
            ]
            converter.inference_input_type = tensorflow.uint8
            converter.inference_output_type = tensorflow.uint8
            # Runtimes older than TF 2.10 read one scale of a dense layer and return
            # constants, without an error, where it has several. The name is private.
            one_scale = (
                "_experimental_disable_per_channel_quantization_for_dense_layers"
            )
            if hasattr(converter, one_scale):
                setattr(converter, one_scale, True)
            try:
                content: bytes = converter.convert()
            except Exception as mistake:  # ConverterError has no public home
                reason = str(mistake).strip().splitlines()[0]
                raise ModelError(f"cannot be quantized ({reason})") from mistake
        return content


def start_tensorflow() -> tuple[ModuleType, Any]:
    """Import Keras on TensorFlow, and TensorFlow; takes seconds the first time."""
    # TFLite comes out of TensorFlow, whatever backend the model was trained with.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with native_messages_to_log():
        import keras
        import tensorflow

        keras.ops.zeros((1,))
    return keras, tensorflow


def versions() -> dict[str, str]:
    """Return the versions that a conversion depends on, by distribution name."""
    names = ("fer-edge-toolkit", "tensorflow", "keras", "ai-edge-litert", "numpy")
    return {name: importlib.metadata.version(name) for name in names}


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep the conversion's progress prints and known warnings off the terminal."""
    with (
        native_messages_to_log(),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        # It says that the input's range comes from calibration, which is the aim.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        yield
