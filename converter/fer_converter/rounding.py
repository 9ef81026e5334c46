"""Which whole number each weight becomes, so that what a layer computes stays.

To the nearest is best for each weight alone, but not for their sum: neighbouring pixels
are alike, and a kernel that takes their difference is left with an error of the same
sign everywhere. Here the error of each weight is made up for by those not rounded yet,
by how their inputs vary together: optimal brain compression (Frantar and Alistarh 2022,
arXiv 2208.11580) in the order and with the Cholesky factor of GPTQ (Frantar et al.
2022, arXiv 2210.17323).
"""

from enum import StrEnum

import numpy as np

from fer_contract.metrics import Numbers


class Rounding(StrEnum):
    """How int8 weights are chosen."""

    COMPENSATED = "compensated"
    """Together, so that a layer's outputs on the calibration faces stay."""
    NEAREST = "nearest"
    """Each alone, as TFLite does."""


LARGEST = 127
"""Of TFLite's int8 weights, which are symmetric: -128 is not used."""
_RIDGE = 0.01
"""Share of the mean variance that is added to each: GPTQ's choice."""
_BLOCK = 128
"""Weights, after which those behind them are told: once each would take far longer."""


def compensated(weights: Numbers, scales: Numbers, covariance: Numbers) -> Numbers:
    """Round so that the outputs' error varies least.

    Args:
        weights: (G, O, D): of each group of a layer, O filters of D weights.
        scales: (G, O): of each filter, the weight that a step of 1 stands for.
        covariance: (G, D, D), of the inputs that the weights meet. Zero where they
            never vary: the nearest is then best.

    Returns:
        Whole numbers of -127 to 127, (G, O, D).
    """
    spread = _ridged(covariance)
    # Inputs that vary most come first, while there are many left to make up for them.
    order = np.argsort(-np.einsum("gdd->gd", spread), axis=1, kind="stable")
    spread = np.take_along_axis(spread, order[:, :, None], 1)
    spread = np.take_along_axis(spread, order[:, None, :], 2)
    left = np.take_along_axis(weights, order[:, None, :], 2)
    rounded = np.empty_like(left)
    # A row says what a weight's error asks of those behind it.
    asked = np.linalg.cholesky(np.linalg.inv(spread)).transpose(0, 2, 1)
    asked /= np.einsum("gdd->gd", asked)[:, :, None]
    for start in range(0, left.shape[2], _BLOCK):
        errors = np.empty_like(left[:, :, start : start + _BLOCK])
        end = start + errors.shape[2]
        for k in range(start, end):
            rounded[:, :, k] = nearest(left[:, :, k : k + 1], scales)[:, :, 0]
            error = left[:, :, k] - rounded[:, :, k] * scales
            left[:, :, k + 1 : end] -= (
                error[:, :, None] * asked[:, None, k, k + 1 : end]
            )
            errors[:, :, k - start] = error
        left[:, :, end:] -= errors @ asked[:, start:end, end:]
    np.put_along_axis(rounded, order[:, None, :], rounded.copy(), 2)
    return rounded


def nearest(weights: Numbers, scales: Numbers) -> Numbers:
    """Round each weight alone; shapes as of ``compensated``."""
    return np.clip(np.rint(in_steps(weights, scales[:, :, None])), -LARGEST, LARGEST)


def in_steps(values: Numbers, scales: Numbers) -> Numbers:
    """Divide by the scale; where all values are 0, that may be 0, too."""
    shape = np.broadcast_shapes(values.shape, scales.shape)
    return np.divide(values, scales, out=np.zeros(shape), where=scales > 0)


def _ridged(covariance: Numbers) -> Numbers:
    """Return a covariance that can be inverted."""
    size = covariance.shape[1]
    mean = np.einsum("gdd->g", covariance) / size
    ridge = np.where(mean > 0, _RIDGE * mean, 1.0)
    ridged: Numbers = covariance + ridge[:, None, None] * np.eye(size)
    return ridged
