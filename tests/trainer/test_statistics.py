"""Statistics of batch norm that belong to the weights they are saved with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.presets import find_preset
from fer_trainer.training.statistics import measure_statistics, sample_of
from fer_trainer.training.train import train

keras = start_keras()


def test_they_are_the_mean_and_variance_of_what_reaches_the_layer() -> None:
    """By hand, for a network of one batch norm, over batches of equal size."""
    inputs = keras.Input((2, 2, 1))
    norm = keras.layers.BatchNormalization(momentum=0.7)
    network = keras.Model(inputs, norm(inputs))
    faces = np.random.default_rng(0).integers(0, 256, (512, 2, 2, 1), dtype=np.uint8)
    measure_statistics(network, faces)
    halves = [faces[0::2].astype(np.float64), faces[1::2].astype(np.float64)]
    mean = np.mean([half.mean() for half in halves])
    variance = np.mean([half.var() for half in halves])
    assert np.asarray(norm.moving_mean)[0] == pytest.approx(mean, rel=1e-4)
    assert np.asarray(norm.moving_variance)[0] == pytest.approx(variance, rel=1e-4)
    assert norm.momentum == 0.7


def test_what_is_frozen_keeps_its_own() -> None:
    """A backbone's statistics are those that came with it."""
    inputs = keras.Input((2, 2, 1))
    norm = keras.layers.BatchNormalization()
    norm.trainable = False
    network = keras.Model(inputs, norm(inputs))
    measure_statistics(network, np.full((8, 2, 2, 1), 99, dtype=np.uint8))
    assert np.asarray(norm.moving_mean)[0] == 0.0


def test_the_sample_comes_from_everywhere() -> None:
    """Faces lie sorted by class, and a part of each is in it."""
    classes = np.arange(4, dtype=np.uint8).repeat(2500)
    sample = sample_of(classes.reshape(-1, 1, 1, 1))[:, 0, 0, 0]
    assert 2000 <= len(sample) <= 2560
    assert np.bincount(sample).min() > len(sample) / 5
    assert len(sample_of(classes[:100].reshape(-1, 1, 1, 1))) == 100


def test_averaged_weights_are_judged_with_statistics_of_their_own(
    few: Material, planned: Callable[..., Plan], tmp_path: Path
) -> None:
    """The saved statistics are those that the saved weights make of clean faces."""
    plan = planned("compact", "strong", epochs=2, weight_average=0.5)
    train(few, tmp_path / "run", plan, say=lambda _: None)
    saved = keras.saving.load_model(tmp_path / "run" / "model.keras")
    again = find_preset("compact").build(InputSpec(), 4)
    again.set_weights(saved.get_weights())
    measure_statistics(again, sample_of(few.train.faces))
    for ours, theirs in zip(again.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
