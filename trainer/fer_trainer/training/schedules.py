"""What the validation losses so far decide: the learning rate, and when to end.

Pure functions of the history, so that a training that is taken up again decides as
one that never stopped.
"""

from collections.abc import Sequence

PATIENCE_EPOCHS = 3
"""Without a lower loss before the learning rate falls."""
FACTOR = 0.2
"""What it falls by."""
LEAST_GAIN = 1e-4
"""A loss lower by less than this is not lower."""
FLOOR = 1e-3
"""Share of the first learning rate below which it does not fall."""


def epochs_without_gain(losses: Sequence[float]) -> int:
    """Return for how many epochs the loss has not been lower than its least before."""
    waited, least = 0, float("inf")
    for loss in losses:
        waited = 0 if loss < least - LEAST_GAIN else waited + 1
        least = min(least, loss)
    return waited


def plateau_rate(losses: Sequence[float], first_rate: float) -> float:
    """Return the learning rate of the next epoch.

    As ``keras.callbacks.ReduceLROnPlateau`` with the constants above.

    Args:
        losses: of validation, an epoch each.
        first_rate: learning rate of the first epoch.
    """
    rate, waited, least = first_rate, 0, float("inf")
    for loss in losses:
        waited = 0 if loss < least - LEAST_GAIN else waited + 1
        least = min(least, loss)
        if waited == PATIENCE_EPOCHS:
            rate, waited = max(rate * FACTOR, first_rate * FLOOR), 0
    return rate
