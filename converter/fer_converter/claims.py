"""What the user says of a model without a manifest, held against what it answers.

A mistake here makes a bundle that passes every gate, for int8 repeats what float does.
"""

import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError
from fer_contract.intervals import mcnemar
from fer_contract.metrics import Indices, Numbers
from fer_converter.calibration import Selection
from fer_converter.parity import order_of_outputs
from fer_converter.sources import FloatModel, PixelRange, given_pixels

_BEYOND_DOUBT = 1e-4
"""Chance of finding as much by accident; smaller than usual, as two are asked about."""

_FACES = 256
"""At most: one batch a range. TensorFlow warns the user of a fifth tracing."""


def check_order(trained: FloatModel, scores: Numbers, parts: Selection) -> None:
    """Refuse labels that are in another order than the model's outputs.

    Args:
        trained: the model.
        scores: (N, C), what it gives for the N faces that judge.
        parts: with these faces.

    Raises:
        DataError: they are.
    """
    classes = parts.parity.classes
    order = order_of_outputs(scores, classes, trained.labels)
    if order is not None:
        right = float((scores.argmax(axis=1) == classes).mean())
        raise DataError(
            f"{trained.path}: with its outputs as {', '.join(trained.labels)} it is "
            f"right on {right:.1%} of the validation faces, and on many more as "
            f"{', '.join(order)}: the labels are in another order"
        )


def check_pixels(trained: FloatModel, scores: Numbers, parts: Selection) -> None:
    """Refuse to take for granted that a model wants its pixels as 0 to 255.

    Many are trained on 0 to 1, which happens outside of them, so that no file says it.

    Args:
        trained: a model that gets its pixels as they are, since nothing was said.
        scores: (N, C), what it then gives for the N faces that judge.
        parts: with these faces.

    Raises:
        DataError: it is right on more faces, beyond doubt, in another range.
    """
    every = -(-len(parts.parity) // _FACES)
    faces, classes = parts.parity.faces[::every], parts.parity.classes[::every]
    here = _right(scores[::every], classes)
    others = {
        other: _right(given_pixels(trained, other).probabilities(faces), classes)
        for other in (PixelRange.UNIT, PixelRange.SIGNED)
    }
    best, there = max(others.items(), key=lambda item: int(item[1].sum()))
    gained, lost = int((there & ~here).sum()), int((here & ~there).sum())
    # A model that then names one class only is no better for it.
    better = gained > lost and int(there.sum()) > int(np.bincount(classes).max())
    if better and mcnemar(gained, lost) < _BEYOND_DOUBT:
        raise DataError(
            f"--pixels: {trained.path} is right on {here.mean():.1%} of "
            f"{len(here):,} validation faces with pixels as {PixelRange.BYTE}, and on "
            f"{there.mean():.1%} as {best}; say which it was trained on"
        )


def _right(scores: Numbers, classes: Indices) -> npt.NDArray[np.bool_]:
    return np.asarray(scores.argmax(axis=1) == classes, np.bool_)
