"""Networks as TensorFlow loads them: ``.keras`` files and SavedModels."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.errors import ModelError, first_line
from fer_converter.backend import start_tensorflow

_SIGNATURES = ("serving_default", "serve")


@dataclass(frozen=True, slots=True)
class Network:
    """What a file holds: a network that TensorFlow can call."""

    call: Callable[[Any], Any]
    """A tensor of shape ``source`` -> one of shape ``target``."""
    source: tuple[int | None, ...]
    target: tuple[int | None, ...]
    weight_bytes: int
    """Of all weights as float32."""
    keeps: Any
    """What ``call`` needs to live."""


def load_keras(path: Path) -> Network:
    """Load a ``.keras`` file.

    Raises:
        ModelError: none, damaged, not one input and output, in other than float32, or
            weights that are not finite.
    """
    if path.suffix == ".keras" and path.is_file() and not zipfile.is_zipfile(path):
        # Keras would call it missing.
        raise ModelError(f"{path}: truncated or damaged, or no Keras model")
    if path.is_file() and path.suffix not in (".keras", ".h5", ".hdf5"):
        # Keras would answer with a paragraph on its own formats.
        raise ModelError(
            f"{path}: no model that can be read; a run directory, a .keras file or a "
            "SavedModel is wanted"
        )
    keras, _ = start_tensorflow()
    try:
        model = keras.saving.load_model(path, compile=False)
        source, target = model.input_shape, model.output_shape
    # Its readers raise whatever a damaged file leads them to.
    except Exception as mistake:
        raise ModelError(
            f"{path}: not a Keras model ({first_line(mistake)})"
        ) from mistake
    if not isinstance(source, tuple) or not isinstance(target, tuple):
        raise ModelError(f"{path}: not one input and one output, but several")
    for layer in model.layers:
        if layer.compute_dtype != "float32":
            raise ModelError(
                f"{path}: {layer.name} computes in {layer.compute_dtype}; save the "
                "network under the policy float32"
            )
    _check_finite(path, [(part.path, part.numpy()) for part in model.weights])
    return Network(
        call=lambda pixels: model(pixels, training=False),
        source=source,
        target=target,
        weight_bytes=4 * sum(part.numpy().size for part in model.weights),
        keeps=model,
    )


def load_saved_model(path: Path) -> Network:
    """Load a SavedModel.

    Args:
        path: its directory.

    Raises:
        ModelError: none, damaged, not one float32 input and output of known shape, or
            weights that are not finite.
    """
    _, tf = start_tensorflow()
    try:
        loaded = tf.saved_model.load(str(path))
    # Its readers raise whatever a damaged file leads them to.
    except Exception as mistake:
        raise ModelError(f"{path}: no SavedModel ({first_line(mistake)})") from mistake
    signature = next(
        (
            loaded.signatures[name]
            for name in _SIGNATURES
            if name in getattr(loaded, "signatures", {})
        ),
        None,
    )
    if signature is None:
        raise ModelError(f"{path}: no signature {' or '.join(_SIGNATURES)} in it")
    sources = list(signature.structured_input_signature[1].items())
    targets = list(signature.structured_outputs.items())
    if len(sources) != 1 or len(targets) != 1:
        raise ModelError(
            f"{path}: {len(sources)} inputs and {len(targets)} outputs; 1 and 1 wanted"
        )
    (source, spec), (target, answer) = sources[0], targets[0]
    for part in (spec, answer):
        if part.dtype != tf.float32 or part.shape.rank is None:
            raise ModelError(
                f"{path}: {part.name} is {part.dtype.name} of shape {part.shape}; "
                "float32 of a known shape is wanted"
            )
    _check_finite(path, [(part.name, part.numpy()) for part in signature.variables])
    return Network(
        call=lambda pixels: signature(**{source: pixels})[target],
        source=tuple(spec.shape),
        target=tuple(answer.shape),
        weight_bytes=4 * sum(int(np.prod(part.shape)) for part in signature.variables),
        keeps=loaded,
    )


def _check_finite(path: Path, weights: list[tuple[str, Any]]) -> None:
    for name, values in weights:
        if not np.isfinite(values).all():
            raise ModelError(f"{path}: {name} holds a NaN or an infinity")
