"""From a frozen graph to ``.tflite`` files, in float and with fewer bits."""

import re
from enum import StrEnum
from typing import Any

import numpy as np

from fer_contract.errors import ModelError, first_line
from fer_contract.preprocess import Pixels
from fer_converter.backend import start_tensorflow, without_chatter
from fer_converter.calibration import spanning_all_bytes
from fer_converter.freezing import FrozenGraph


class Kind(StrEnum):
    """How the numbers of a ``.tflite`` file are kept."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    """Weights halved; computed in float32."""
    DYNAMIC = "dynamic"
    """Weights in 8 bits; activations quantized as they come, each time anew."""
    INT8 = "int8"
    """All of it in 8 bits, input and output too."""


def to_tflite(
    frozen: FrozenGraph, kind: Kind, calibration: Pixels | None = None
) -> bytes:
    """Convert a frozen graph; the same inputs give the same bytes.

    Args:
        frozen: of ``freeze``.
        kind: what to make.
        calibration: for int8, uint8 (N, H, W, 1): faces that the activations are
            measured on, exactly as the device will see them.

    Returns:
        A ``.tflite`` file; uint8 in and out for int8, else float32.

    Raises:
        ModelError: an operation that TFLite has not, or not in 8 bits.
    """
    _, tf = start_tensorflow()
    with without_chatter():
        # The converter of graphs: that of functions would freeze the graph once more,
        # which takes longer than all else for a large one. The files differ only in the
        # byte that names where a model comes from.
        converter = tf.compat.v1.lite.TFLiteConverter(
            frozen.definition, [frozen.face], [frozen.scores]
        )
        if kind is not Kind.FLOAT32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind is Kind.FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        if kind is Kind.INT8:
            assert calibration is not None
            _ask_for_int8(converter, calibration, tf)
        try:
            content: bytes = converter.convert()
        except Exception as mistake:  # ConverterError has no public home
            refused = mistake
        else:
            return content
    # Out here, so that the converter's own pages about it stay in the log.
    raise ModelError(f"{kind}: cannot be converted ({_reason(refused)})") from refused


def _ask_for_int8(converter: Any, calibration: Pixels, tf: Any) -> None:
    faces = spanning_all_bytes(calibration)
    converter.representative_dataset = lambda: (
        [face[np.newaxis].astype(np.float32)] for face in faces
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    # Runtimes older than TF 2.10 read one scale of a dense layer and return constants,
    # without an error, where it has several. The name is private, so that a rule looks
    # into the file whether it was heard.
    one_scale = "_experimental_disable_per_channel_quantization_for_dense_layers"
    if hasattr(converter, one_scale):
        setattr(converter, one_scale, True)


def _reason(mistake: Exception) -> str:
    """Name the operations at fault, which stand deep inside of the message."""
    missing = sorted(set(re.findall(r"\btf\.[A-Z]\w+", str(mistake))))
    return f"TFLite has no {', '.join(missing)}" if missing else first_line(mistake)
