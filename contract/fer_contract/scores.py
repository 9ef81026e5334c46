"""From a model's output to scores that mean what they say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ModelError


@dataclass(frozen=True, slots=True)
class Quantization:
    """An affine 8-bit quantization, real = scale * (q - zero_point).

    Source: Jacob et al. 2018, arXiv 1712.05877, equation 1.
    """

    scale: float
    zero_point: int

    def real(self, quantized: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the real values of quantized ones, in any shape."""
        return self.scale * (quantized.astype(np.float64) - self.zero_point)


def check_probabilities(scores: npt.NDArray[np.float64], path: Path) -> None:
    """Check what a float model answers.

    Args:
        scores: (N, C).
        path: of the model, for the message.

    Raises:
        ModelError: they are no probabilities: weights that are no numbers, or an end
            without softmax, so that nothing it says counts.
    """
    sums = scores.sum(axis=1)
    if not np.allclose(sums, 1.0, atol=1e-3):
        worst = sums[np.argmax(np.nan_to_num(np.abs(sums - 1), nan=np.inf))]
        raise ModelError(
            f"{path}: scores of a face sum to {worst:g}; 1 is wanted: let the model "
            "end in a softmax"
        )
    if (scores < 0).any():
        raise ModelError(
            f"{path}: a score of {scores.min():g}; 0 to 1 is wanted: let the model end "
            "in a softmax"
        )


def temper(
    probabilities: npt.NDArray[np.float64], temperature: float
) -> npt.NDArray[np.float64]:
    """Apply a temperature to probabilities, as dividing the logits by it would.

    Args:
        probabilities: (…, C), each row about summing to 1; 8-bit zeros are allowed.
        temperature: above 0; 1 only normalises, above 1 makes less sure.

    Returns:
        (…, C), each row summing to 1. Source: Guo et al. 2017, arXiv 1706.04599.
    """
    powers = _powers(probabilities, temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def tempered_weights(output: Quantization, temperature: float) -> tuple[float, ...]:
    """Return what each of the 256 quantized outputs weighs.

    An output's share of the sum of weights is what ``temper`` makes of it, which a
    device computes for a handful of labels faster from this table than by arrays.

    Args:
        output: what the outputs mean.
        temperature: as for ``temper``.
    """
    weights = _powers(output.real(np.arange(256)), temperature)
    return tuple(weights.tolist())


def _powers(
    probabilities: npt.NDArray[np.float64], temperature: float
) -> npt.NDArray[np.float64]:
    """Return ``probabilities ** (1 / temperature)``, the largest of a row as 1."""
    # Half an 8-bit step: a quantized zero is small, not impossible.
    logarithms = np.log(np.maximum(probabilities, 1.0 / 512.0)) / temperature
    powers = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
    return np.asarray(powers, dtype=np.float64)
