"""Weights as TensorFlow.js keeps them: a JSON file, and a file of numbers beside it.

Format: ``weightsManifest`` of a TensorFlow.js graph model (github.com/tensorflow/tfjs,
tfjs-core/src/io/types.ts). Weights that were quantized to whole numbers are not read.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError, first_line

Arrays = dict[str, npt.NDArray[np.float32]]
"""By name."""

_FLOATS: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
}


def read_tensorflowjs(path: Path) -> Arrays:
    """Read the float weights of a model.

    Args:
        path: its JSON file.

    Raises:
        FerError: it or the file of numbers is missing, damaged, or something else.
    """
    try:
        groups = json.loads(_content(path))["weightsManifest"]
        arrays: Arrays = {}
        for group in groups:
            content = b"".join(_content(path.parent / name) for name in group["paths"])
            arrays |= _split(content, group["weights"])
    # Python and numpy have many errors for what may stand in a file.
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as mistake:
        raise FerError(
            f"--weights: {path}; no weights of TensorFlow.js, or damaged "
            f"({first_line(mistake)})"
        ) from mistake
    return arrays


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as missing:
        raise FerError(f"--weights: {path}; {missing.strerror}") from missing


def _split(content: bytes, weights: list[dict[str, Any]]) -> Arrays:
    """Cut a file of numbers into its arrays, which lie in it one after the other."""
    arrays: Arrays = {}
    offset = 0
    for weight in weights:
        stored = weight.get("quantization", weight)["dtype"]
        count = math.prod(weight["shape"])
        if weight["dtype"] == "int32":  # shapes and axes
            offset += 4 * count
            continue
        if stored not in _FLOATS:
            raise ValueError(f"{weight['name']} is {stored}, not float32 or float16")
        kind = _FLOATS[stored]
        numbers = np.frombuffer(content, kind, count, offset)
        arrays[weight["name"]] = numbers.reshape(weight["shape"]).astype(np.float32)
        offset += numbers.nbytes
    if offset != len(content):
        raise ValueError(f"{len(content)} bytes, not {offset}")
    return arrays
