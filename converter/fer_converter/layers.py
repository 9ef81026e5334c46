"""Where quantization loses most: error a layer, int8 against float."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.preprocess import Pixels
from fer_converter.interpreters import OpenTflite
from fer_converter.tflite_file import TfliteFile

_CLEAN = 100.0
"""Decibels where there is no error; beyond this nobody tells a difference."""


@dataclass(frozen=True, slots=True)
class LayerError:
    """Of what one operator of the int8 model computes, over some faces."""

    name: str
    operator: str
    snr: float
    """Signal to noise, decibels: power of the float values over that of the error."""
    cosine: float
    """Of the angle between float and int8 values, -1 to 1."""
    loss: float
    """Decibels lost in this operator: SNR of its noisiest input less its own.

    Below 0 where it recovers, as a ReLU or a mean does.
    """

    def facts(self) -> dict[str, Any]:
        """Return the error as JSON."""
        return {
            "name": self.name,
            "operator": self.operator,
            "snr_db": round(self.snr, 1),
            "cosine": round(self.cosine, 5),
            "loss_db": round(self.loss, 1),
        }


def layer_errors(
    floats: TfliteFile, ints: TfliteFile, faces: Pixels
) -> tuple[LayerError, ...]:
    """Run both models side by side and compare tensor by tensor.

    Args:
        floats: the float32 file, of the same graph.
        ints: the int8 file.
        faces: uint8 (N, H, W, 1), at least one.

    Returns:
        An entry for each operator whose output both have, in the order of running.
    """
    twins = {part.name: part.index for op in floats.operators for part in op.outputs}
    watched = [
        (op, part, twins[part.name])
        for op in ints.operators
        for part in op.outputs
        if part.name in twins
    ]
    sums = np.zeros((len(watched), 4))  # float², error², float·int, int²
    first, second = OpenTflite(floats.content), OpenTflite(ints.content)
    for face in faces:
        first.run(face)
        second.run(face)
        for row, (_, part, twin) in enumerate(watched):
            real, rough = first.tensor(twin).ravel(), second.tensor(part.index).ravel()
            error = rough - real
            # Not ``@``: BLAS would start threads, which spin while they wait.
            pairs = ((real, real), (error, error), (real, rough), (rough, rough))
            sums[row] += [np.einsum("i,i", *pair) for pair in pairs]
    found = {part.index: row for (_, part, _), row in zip(watched, sums, strict=True)}
    snrs: dict[int, float] = {}
    errors = []
    for op in ints.operators:
        # The model's pixels are exact.
        sources = [snrs.get(part.index, _CLEAN) for part in op.inputs]
        before = min(sources, default=_CLEAN)
        for part in op.outputs:
            if part.index not in found:
                snrs[part.index] = before
                continue
            signal, noise, both, rough = found[part.index]
            snrs[part.index] = _decibels(signal, noise)
            errors.append(
                LayerError(
                    name=part.name,
                    operator=op.name,
                    snr=snrs[part.index],
                    cosine=_cosine(signal, both, rough),
                    loss=before - snrs[part.index],
                )
            )
    return tuple(errors)


def guilty(errors: tuple[LayerError, ...]) -> LayerError | None:
    """Return the layer that loses most of what reaches it.

    Not one that is reached by exact values, as the first is by pixels: it makes the
    noise, and loses without fail.
    """
    noisy = [error for error in errors if error.snr + error.loss < _CLEAN]
    return max(noisy, key=lambda error: error.loss, default=None)


def _cosine(signal: float, both: float, rough: float) -> float:
    """Return 1 for two tensors of zeros, and 0 if one of them alone is that."""
    if not signal or not rough:
        return float(signal == rough)
    return float(both / np.sqrt(signal * rough))


def _decibels(signal: float, noise: float) -> float:
    if noise <= signal * 10 ** (-_CLEAN / 10):
        return _CLEAN
    return float(10 * np.log10(max(signal, 1e-300) / noise))
