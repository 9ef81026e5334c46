"""Floats of 16 bits as GPUs have them: narrow, so that the loss is scaled.

The arithmetic runs on a processor here, told that it is a GPU.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.manifest import RunManifest
from fer_trainer.backend import start_keras
from fer_trainer.devices import Devices
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.train import train

keras = start_keras()

from fer_trainer.training.checkpoint import Checkpoint  # noqa: E402
from fer_trainer.training.epoch_end import averaged_weights, averages  # noqa: E402
from fer_trainer.training.network import Network  # noqa: E402

Planned = Callable[..., Plan]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Devices:
    """This machine, taken for one with a GPU."""
    devices = dataclasses.replace(Devices.find(), kind="gpu")
    monkeypatch.setattr(Devices, "find", lambda: devices)
    return devices


@pytest.fixture
def teacher(few: Material, planned: Planned, tmp_path: Path) -> Path:
    """A run to learn from."""
    train(few, tmp_path / "teacher", planned(epochs=1), say=lambda _: None)
    return tmp_path / "teacher"


@pytest.mark.parametrize("taught", [False, True])
def test_the_loss_is_scaled_and_weights_are_averaged(
    few: Material, planned: Planned, gpu: Devices, teacher: Path, taught: bool
) -> None:
    """For a network alone, and for one that has teachers."""
    plan = planned(
        mixed_precision=True,
        weight_average=0.5,
        teachers=(teacher,) if taught else (),
    )
    network = Network(plan, few, gpu)
    trainee = network.compile(Checkpoint({}))
    assert type(trainee.optimizer).__name__ == "LossScaleOptimizer"
    computed_in = {layer.compute_dtype for layer in trainee._flatten_layers()}
    assert "float16" in computed_in
    assert averages(trainee)
    trainee.fit(network.batches(epoch=0), epochs=1, verbose=0)
    weights = trainee.trainable_weights
    for now, averaged in zip(weights, averaged_weights(trainee, weights), strict=True):
        assert np.isfinite(averaged).all()
        # The end of fit puts the averages in place.
        np.testing.assert_array_equal(averaged, keras.ops.convert_to_numpy(now))


def test_it_trains_as_in_32_bits(
    few: Material, planned: Planned, gpu: Devices, tmp_path: Path
) -> None:
    """Through checkpoints, in which the scale of the loss is kept too."""
    losses: list[list[float]] = []
    for name, mixed in (("narrow", True), ("wide", False)):
        losses.append([])
        plan = planned(epochs=3, mixed_precision=mixed, weight_average=0.2)
        manifest = train(
            few, tmp_path / name, plan,
            say=lambda _: None,
            after_epoch=lambda _, row: losses[-1].append(row["val_loss"]),
        )  # fmt: skip
        assert manifest.training["devices"]["kind"] == gpu.kind
        model = keras.saving.load_model(
            tmp_path / name / RunManifest.MODEL, compile=False
        )
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]
