"""Learning rate and end of a training, as Keras' own callbacks decide them."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_trainer.backend import start_keras
from fer_trainer.training.schedules import (
    FACTOR,
    FLOOR,
    LEAST_GAIN,
    PATIENCE_EPOCHS,
    epochs_without_gain,
    plateau_rate,
)

LOSSES = st.lists(st.sampled_from([0.9, 0.8, 0.80005, 0.7, 0.6, 1.2]), max_size=25)


def keras_rate(losses: Sequence[float]) -> float:
    """Return the rate that Keras' ReduceLROnPlateau leaves after these losses."""
    keras = start_keras()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        patience=PATIENCE_EPOCHS,
        factor=FACTOR,
        min_delta=LEAST_GAIN,
        min_lr=0.01 * FLOOR,
    )
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
    return float(np.asarray(model.optimizer.learning_rate))


@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_is_that_of_keras(seed: int) -> None:
    """Whatever the losses, the rates are equal, and they do fall."""
    rng = np.random.default_rng(seed)
    losses = np.round(rng.uniform(0.5, 1.0, 30), 2).tolist()
    assert plateau_rate(losses, 0.01) == pytest.approx(keras_rate(losses), rel=1e-6)
    assert plateau_rate(losses, 0.01) < 0.01


@given(LOSSES)
def test_the_rate_never_rises_nor_falls_below_its_floor(losses: list[float]) -> None:
    """It changes by the factor, whatever the history."""
    rates = [plateau_rate(losses[:count], 1.0) for count in range(len(losses) + 1)]
    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] >= FLOOR


def test_a_loss_that_falls_too_little() -> None:
    """It has not fallen: three such epochs lower the rate, not two."""
    flat = [0.5, 0.49995, 0.4999, 0.49985]
    assert plateau_rate(flat[:3], 1.0) == 1.0
    assert plateau_rate(flat, 1.0) == FACTOR


def test_epochs_without_gain_are_counted_from_the_best() -> None:
    """None at the start, none at a new best."""
    assert epochs_without_gain([]) == 0
    assert epochs_without_gain([0.5]) == 0
    assert epochs_without_gain([0.5, 0.6, 0.55]) == 2
    assert epochs_without_gain([0.5, 0.6, 0.4]) == 0
