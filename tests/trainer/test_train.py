"""A run directory: complete, true of the file in it, and repeatable."""

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import DataError, FerError, ManifestError
from fer_contract.manifest import RunManifest, read_manifest
from fer_trainer.backend import start_keras
from fer_trainer.material import Material, load_material
from fer_trainer.plan import Plan
from fer_trainer.training.run_directory import PARTS, empty, locked, opened
from fer_trainer.training.train import train

Planned = Callable[..., Plan]


def silent(_line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def finished(
    few: Material, planned: Planned, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of three epochs, to be looked at."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train(few, out, planned(), say=silent)
    return out


def test_a_finished_run_holds_what_the_converter_reads(finished: Path) -> None:
    """Model, history, metrics, curves, events and a manifest that confirms them."""
    manifest = read_manifest(finished, RunManifest)
    assert {path.name for path in finished.iterdir()} == {
        "model.keras", "manifest.json", "history.csv", "metrics.json", "curves.png",
        "tensorboard",
    }  # fmt: skip
    assert manifest.labels == ("happy", "neutral", "sad", "surprise")
    assert manifest.preset == "base"
    assert manifest.seed == 4
    assert manifest.data["splits"]["train"]["count"] == 64
    assert manifest.data["splits"]["validation"]["classes"]["sad"] == 8
    assert manifest.training["parameters"] == 605_060
    assert manifest.training["recipe"]["name"] == "standard"
    assert manifest.training["devices"]["kind"] in {"cpu", "gpu"}
    assert {"keras", "numpy"} <= set(manifest.versions)


def test_trap_checkpoints_watched_a_key_that_was_never_reported(finished: Path) -> None:
    """The study watched "val_acc", and saved nothing: here the best epoch is saved."""
    manifest = read_manifest(finished, RunManifest)
    with (finished / "history.csv").open() as stream:
        accuracies = [float(row["val_accuracy"]) for row in csv.DictReader(stream)]
    assert len(accuracies) == 3
    measured = manifest.training["validation"]["accuracy"]
    assert measured == pytest.approx(max(accuracies), abs=1e-4)
    assert manifest.training["best_epoch"] == 1 + accuracies.index(max(accuracies))


def test_trap_the_worst_loss_was_saved_as_the_best(
    few: Material, planned: Planned, out: Path
) -> None:
    """The study watched the loss with mode "max": here the lowest is the best."""
    manifest = train(few, out, planned(monitor="val_loss"), say=silent)
    with (out / "history.csv").open() as stream:
        losses = [float(row["val_loss"]) for row in csv.DictReader(stream)]
    assert manifest.training["best_value"] == min(losses) < max(losses)
    assert manifest.training["best_epoch"] == 1 + losses.index(min(losses))


def test_trap_networks_were_rebuilt_after_training_and_never_loaded(
    few: Material, finished: Path
) -> None:
    """At chance and loss ln 4: here the figures are those of the file, when loaded."""
    metrics = json.loads((finished / "metrics.json").read_text())
    model = start_keras().saving.load_model(finished / "model.keras")
    faces = few.validation
    right = model.predict(faces.faces, verbose=0).argmax(axis=1) == faces.classes
    assert metrics["accuracy"] == round(float(right.mean()), 4)
    low, high = metrics["accuracy_95"]
    assert low < metrics["accuracy"] < high


def test_the_same_seed_trains_the_same_network(
    few: Material, planned: Planned, finished: Path, tmp_path: Path
) -> None:
    """Weights are equal to the last bit; another seed gives others."""
    keras = start_keras()
    again, other = tmp_path / "again", tmp_path / "other"
    train(few, again, planned(), say=silent)
    train(few, other, planned(seed=5), say=silent)
    weights = []
    for run in (finished, again, other):
        model = keras.saving.load_model(run / "model.keras")
        weights.append([np.asarray(weight) for weight in model.get_weights()])
    assert all(map(np.array_equal, weights[0], weights[1]))
    assert not all(map(np.array_equal, weights[0], weights[2]))


def test_trap_the_label_order_was_another_than_in_training(
    few_faces: FaceData, planned: Planned, out: Path
) -> None:
    """The order that was asked for travels with the model."""
    wanted = ("happy", "sad", "surprise", "neutral")
    material = load_material(FaceData(few_faces.source, wanted))
    assert train(material, out, planned(epochs=1), say=silent).labels == wanted
    assert read_manifest(out, RunManifest).labels == wanted


def test_a_directory_in_use_is_left_alone(
    few: Material, planned: Planned, out: Path
) -> None:
    """One line, and what was there is there still."""
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        train(few, out, planned(), say=silent)
    assert (out / "notes.txt").read_text() == "mine"


def test_a_finished_run_is_left_alone(
    few: Material, planned: Planned, out: Path
) -> None:
    """Named as what it is; not a byte of it changes, not even with a restart."""
    out.mkdir()
    for name in ("manifest.json", "model.keras"):
        (out / name).write_text("mine")
    with pytest.raises(DataError, match="run: already holds a finished run"):
        train(few, out, planned(), say=silent, restart=True)
    assert {path.read_text() for path in out.iterdir()} == {"mine"}


def test_a_directory_that_another_process_trains_into(out: Path) -> None:
    """The second one is told so, and the first goes on undisturbed."""
    with (
        opened(out),
        pytest.raises(DataError, match="another process trains into it"),
        locked(out),
    ):
        pass
    with opened(out):
        pass


def test_what_a_run_that_broke_off_has_left_can_be_removed(out: Path) -> None:
    """All that the trainer itself has written goes."""
    (out / "tensorboard").mkdir(parents=True)
    for name in set(PARTS) - {"tensorboard"}:
        (out / name).write_text("half")
    empty(out)
    assert list(out.iterdir()) == []


def test_a_run_that_broke_off_beside_notes_is_left_alone(out: Path) -> None:
    """One name that no run writes, or a folder of a name that one does, is enough."""
    for foreign in ("notes.txt", "curves.png"):
        place = out / foreign / "run"
        (place / foreign).mkdir(parents=True)
        (place / "model.keras").write_text("half")
        with (
            pytest.raises(DataError, match=f"not empty \\('{foreign}'\\)"),
            opened(place),
        ):
            pass
        assert (place / "model.keras").read_text() == "half"


def test_parts_are_all_that_a_run_writes(finished: Path) -> None:
    """Else a run that broke off would block its own command."""
    written = {path.name for path in finished.iterdir()} - {"manifest.json"}
    kept = {name for name in PARTS if not name.endswith(".part")} - {"checkpoint.npz"}
    assert written == kept


def test_a_run_that_broke_off_is_no_run(finished: Path, out: Path) -> None:
    """Without its manifest, which is written last, no one takes it for finished."""
    shutil.copytree(finished, out)
    (out / "manifest.json").unlink()
    with pytest.raises(ManifestError, match="no finished run"):
        read_manifest(out, RunManifest)


def test_a_loss_that_is_no_number(few: Material, planned: Planned, out: Path) -> None:
    """One line that says what may help, and no run is made of it."""
    plan = dataclasses.replace(planned("base"), learning_rate=1e38)
    with pytest.raises(FerError, match=r"loss is (nan|inf) in epoch 1; a smaller"):
        train(few, out, plan, say=silent)
    assert not (out / "manifest.json").exists()


def test_early_stopping_ends_a_run(few: Material, planned: Planned, out: Path) -> None:
    """After so many epochs without a lower validation loss, and the best is kept."""
    plan = planned(epochs=40, learning_rate=0.05, early_stopping=2)
    manifest = train(few, out, plan, say=silent)
    with (out / "history.csv").open() as stream:
        losses = [float(row["val_loss"]) for row in csv.DictReader(stream)]
    assert manifest.training["epochs_trained"] == len(losses) < 40
    assert min(losses[:-2]) <= min(losses[-2:])
