"""Runs on the emulated Pi: a bundle's self-test, then one face between two marks."""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.golden import Golden
from fer_contract.preprocess import Box, crop_face
from fer_contract.tflite import TfliteClassifier, load_runtime
from fer_edge.classifiers.cpu import CpuClassifier

_WARM_UP = 2
_ASIDE = 90
"""Added to the marks that begin a count, which nobody reads."""

CLASSIFY, CROP, FLOAT = 2, 12, 22
"""Marks behind what is counted, warm: a face by the int8 model, cutting a face of
100x100 pixels out of a frame, a face by the bundle's float32 file if it has one."""


def main(bundle: Path) -> None:
    """Print what ran, and mark the last of a few faces."""
    # Digests, pixels and golden outputs; it raises where this processor differs.
    classifier = CpuClassifier(bundle)
    model = TfliteClassifier(bundle / "model_int8.tflite")
    face = np.random.default_rng(0).integers(0, 256, model.input_shape, dtype=np.uint8)
    _count(CLASSIFY, lambda: model.quantized(face))
    frame = Golden.load(bundle / "golden.npz").frame
    box = Box(30.0, 10.0, 100.0, 100.0)
    _count(CROP, lambda: crop_face(frame, box, classifier.input))
    floats = bundle / "model_float32.tflite"
    if floats.exists():
        _count(FLOAT, _float_face(floats, face))
    print(f"{classifier.name} on {classifier.runtime}, self-test passed")  # noqa: T201


def _count(mark: int, work: Callable[[], Any]) -> None:
    """Do it some times, with a mark before and behind each."""
    libc = ctypes.CDLL(None)
    for index in range(-_WARM_UP, 1):
        libc.getpriority(0x5EED, _ASIDE + mark + index)
        work()
        libc.getpriority(0x5EED, mark + index)


def _float_face(path: Path, face: Any) -> Callable[[], Any]:
    interpreter = load_runtime()[0].Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    pixels = face[np.newaxis].astype(np.float32)

    def work() -> Any:
        interpreter.set_tensor(source, pixels)
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return work


if __name__ == "__main__":
    main(Path(sys.argv[1]))
