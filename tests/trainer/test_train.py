"""A run directory: complete, true of the file in it, and repeatable."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import DataError
from fer_contract.manifest import RunManifest, read_manifest
from fer_trainer.backend import start_keras
from fer_trainer.presets import find_preset
from fer_trainer.run_directory import PARTS, make_empty
from fer_trainer.train import Plan, train

PLAN = Plan(find_preset("base"), epochs=3, batch_size=16, learning_rate=1e-3, seed=4)


def test_a_finished_run_holds_what_the_converter_reads(
    few_faces: FaceData, out: Path
) -> None:
    """Model, history, metrics, curves and a manifest that confirms them."""
    train(few_faces, out, PLAN, live_bar=False)
    manifest = read_manifest(out, RunManifest)
    assert {path.name for path in out.iterdir()} == {
        "model.keras", "manifest.json", "history.csv", "metrics.json", "curves.png",
    }  # fmt: skip
    assert manifest.labels == ("happy", "neutral", "sad", "surprise")
    assert manifest.preset == "base"
    assert manifest.seed == 4
    assert manifest.data["splits"]["train"]["count"] == 64
    assert manifest.data["splits"]["validation"]["classes"]["sad"] == 8
    assert manifest.training["parameters"] == 605_060
    assert {"keras", "numpy"} <= set(manifest.versions)


def test_the_saved_model_is_that_of_the_best_epoch(
    few_faces: FaceData, out: Path
) -> None:
    """A trap of the study: checkpoints that watched a key that was never reported."""
    manifest = train(few_faces, out, PLAN, live_bar=False)
    with (out / "history.csv").open() as stream:
        accuracies = [float(row["val_accuracy"]) for row in csv.DictReader(stream)]
    assert len(accuracies) == 3
    measured = manifest.training["validation"]["accuracy"]
    assert measured == pytest.approx(max(accuracies), abs=1e-4)


def test_metrics_are_those_of_the_file_when_loaded(
    few_faces: FaceData, out: Path
) -> None:
    """A trap of the study: figures of a network that was rebuilt and never loaded."""
    train(few_faces, out, PLAN, live_bar=False)
    metrics = json.loads((out / "metrics.json").read_text())
    model = start_keras().saving.load_model(out / "model.keras")
    faces = few_faces.load("validation")
    right = model.predict(faces.faces, verbose=0).argmax(axis=1) == faces.classes
    assert metrics["accuracy"] == round(float(right.mean()), 4)
    low, high = metrics["accuracy_95"]
    assert low < metrics["accuracy"] < high


def test_the_same_seed_trains_the_same_network(
    few_faces: FaceData, tmp_path: Path
) -> None:
    """Weights are equal to the last bit; another seed gives others."""
    keras = start_keras()
    weights = []
    for name, seed in (("first", 4), ("second", 4), ("third", 5)):
        plan = Plan(find_preset("base"), 2, 16, 1e-3, seed)
        train(few_faces, tmp_path / name, plan, live_bar=False)
        model = keras.saving.load_model(tmp_path / name / "model.keras")
        weights.append([np.asarray(weight) for weight in model.get_weights()])
    assert all(map(np.array_equal, weights[0], weights[1]))
    assert not all(map(np.array_equal, weights[0], weights[2]))


def test_the_label_order_asked_for_travels_with_the_model(
    few_faces: FaceData, out: Path
) -> None:
    """A trap of the study: a confusion matrix in another order than the training."""
    wanted = ("happy", "sad", "surprise", "neutral")
    data = FaceData(few_faces.source, wanted)
    plan = Plan(find_preset("base"), 1, 16, 1e-3, 0)
    assert train(data, out, plan, live_bar=False).labels == wanted
    assert read_manifest(out, RunManifest).labels == wanted


def test_a_directory_in_use_is_left_alone(few_faces: FaceData, out: Path) -> None:
    """One line, and what was there is there still."""
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        train(few_faces, out, PLAN, live_bar=False)
    assert (out / "notes.txt").read_text() == "mine"


def test_a_finished_run_is_left_alone(few_faces: FaceData, out: Path) -> None:
    """Named as what it is; not a byte of it changes."""
    out.mkdir()
    for name in ("manifest.json", "model.keras"):
        (out / name).write_text("mine")
    with pytest.raises(DataError, match="run: already holds a finished run"):
        train(few_faces, out, PLAN, live_bar=False)
    assert {path.read_text() for path in out.iterdir()} == {"mine"}


def test_a_run_that_broke_off_is_started_over(out: Path) -> None:
    """All that the trainer itself has written goes."""
    out.mkdir()
    for name in PARTS:
        (out / name).write_text("half")
    make_empty(out)
    assert list(out.iterdir()) == []


def test_a_run_that_broke_off_beside_notes_is_left_alone(out: Path) -> None:
    """One name that no run writes, or a folder of a name that one does, is enough."""
    for foreign in ("notes.txt", "curves.png"):
        place = out / foreign / "run"
        (place / foreign).mkdir(parents=True)
        (place / "model.keras").write_text("half")
        with pytest.raises(DataError, match=f"not empty \\('{foreign}'\\)"):
            make_empty(place)
        assert (place / "model.keras").read_text() == "half"


def test_data_that_cannot_be_loaded(few_faces: FaceData, out: Path) -> None:
    """It leaves no directory behind."""
    (folder := out.parent / "faces").mkdir()
    (folder / "train").symlink_to(few_faces.source / "train")
    with pytest.raises(DataError, match="no folder 'validation'"):
        train(FaceData(folder), out, PLAN, live_bar=False)
    assert not out.exists()


def test_parts_are_all_that_a_run_writes(few_faces: FaceData, out: Path) -> None:
    """Else a run that broke off would block its own command."""
    train(few_faces, out, Plan(find_preset("base"), 1, 16, 1e-3, 0), live_bar=False)
    written = {path.name for path in out.iterdir()} - {"manifest.json"}
    assert written == set(PARTS) - {"manifest.json.part"}


def test_a_run_that_broke_off_is_no_run(few_faces: FaceData, out: Path) -> None:
    """Without its manifest, which is written last, no one takes it for finished."""
    from fer_contract.errors import ManifestError

    train(few_faces, out, Plan(find_preset("base"), 1, 16, 1e-3, 0), live_bar=False)
    (out / "manifest.json").unlink()
    with pytest.raises(ManifestError, match="no finished run"):
        read_manifest(out, RunManifest)
