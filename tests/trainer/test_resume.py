"""A training that is killed goes on, and ends as if nothing had happened."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.material import Material, load_material
from fer_trainer.plan import Plan
from fer_trainer.recipes import Monitor
from fer_trainer.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    parse_checkpoint,
)
from fer_trainer.training.train import train
from processes import Forked, run_command, run_forked


def silent(_line: str) -> None:
    """Say nothing."""


def kill_in_epoch(epoch: int, arguments: list[str | Path]) -> None:
    """Run fer-train and kill it, with no warning, once this epoch is under way."""
    # Else a line is seen long after it was printed.
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    with Forked("fer-train", *arguments, environment=unbuffered) as process:
        assert any(line.startswith(f"Epoch {epoch}/") for line in process.stdout)
        time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "how",
    [
        ["--preset", "compact", "--recipe", "strong"],
        ["--preset", "base", "--recipe", "study", "--class-weights"],
    ],
    ids=["strong", "study"],
)
def test_killed_in_mid_epoch(
    few_faces: FaceData, tmp_path: Path, how: list[str | Path]
) -> None:
    """The same command goes on; model and history are those of an undisturbed run."""
    arguments: list[str | Path] = [
        "run", "--data", few_faces.source, "--epochs", "5", "--batch-size", "4", *how,
    ]  # fmt: skip
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    done = run_forked("fer-train", *arguments, "--out", undisturbed)
    assert done.returncode == 0, done.stderr
    kill_in_epoch(4, [*arguments, "--out", killed])
    assert not (killed / "manifest.json").exists()
    done = run_command("fer-train", *arguments, "--out", killed)
    assert done.returncode == 0, done.stderr
    assert f"{killed}: goes on after epoch 3\n" in done.stdout
    assert "Epoch 3/5" not in done.stdout
    assert (killed / "history.csv").read_text() == (
        undisturbed / "history.csv"
    ).read_text()
    models = [
        start_keras().saving.load_model(run / "model.keras").get_weights()
        for run in (undisturbed, killed)
    ]
    assert all(map(np.array_equal, *models))
    assert not (killed / "checkpoint.npz").exists()


def test_killed_before_the_first_epoch_ended(few_faces: FaceData, out: Path) -> None:
    """There is nothing to go on from: it begins, without complaint."""
    arguments: list[str | Path] = [
        "run", "--data", few_faces.source, "--out", out, "--preset", "base",
        "--epochs", "2",
    ]  # fmt: skip
    kill_in_epoch(1, arguments)
    done = run_forked("fer-train", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def broken_off_once(
    few: Material,
    planned: Callable[..., Plan],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run directory whose training was broken off after two of three epochs."""
    out = tmp_path_factory.mktemp("broken") / "off"

    def stop(epoch: int, _figures: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(few, out, planned(), say=silent, after_epoch=stop)
    return out


@pytest.fixture
def broken_off(broken_off_once: Path, out: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(broken_off_once, out))


def test_what_is_left_of_a_training(broken_off: Path) -> None:
    """A checkpoint, the history and TensorBoard's events so far; nothing else."""
    names = {path.name for path in broken_off.iterdir()}
    assert names == {"checkpoint.npz", "history.csv", "tensorboard"}
    assert len((broken_off / "history.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"epochs": 9}, "plan.epochs 3, now 9"),
        ({"seed": 5}, "plan.seed 4, now 5"),
        ({"mixup": 0.3}, "plan.recipe.mixup 0.0, now 0.3"),
        ({"preset": "compact"}, "plan.preset 'base', now 'compact'"),
    ],
)
def test_another_plan_does_not_go_on(
    few: Material,
    planned: Callable[..., Plan],
    broken_off: Path,
    change: dict[str, object],
    difference: str,
) -> None:
    """One line names what differs; the checkpoint stays; --restart begins anew."""
    with pytest.raises(FerError) as caught:
        train(few, broken_off, planned(**change), say=silent)
    assert f"an unfinished training with {difference}; name" in str(caught.value)
    assert (broken_off / "checkpoint.npz").exists()
    plan = planned(**({"epochs": 1} | change))
    said: list[str] = []
    train(few, broken_off, plan, say=said.append, restart=True)
    assert not any("goes on" in line for line in said)
    assert read_manifest(broken_off, RunManifest).preset == plan.preset.name


def test_another_size_of_face_does_not_go_on(
    few_faces: FaceData, planned: Callable[..., Plan], broken_off: Path
) -> None:
    """Even a network that would take it, since it has no layer that depends on it."""
    larger = load_material(FaceData(few_faces.source, spec=InputSpec(56, 56)))
    with pytest.raises(FerError, match=r"with input\.height 48, now 56; name"):
        train(larger, broken_off, planned(), say=silent)


def test_a_damaged_checkpoint(
    few: Material, planned: Callable[..., Plan], broken_off: Path
) -> None:
    """One line, never weights that are half those of another epoch."""
    path = broken_off / "checkpoint.npz"
    content = bytearray(path.read_bytes())
    for damaged in (content[: len(content) // 2], b"", b"nothing of the kind"):
        path.write_bytes(damaged)
        with pytest.raises(FerError, match="no checkpoint, or damaged; --restart"):
            train(few, broken_off, planned(), say=silent)
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FerError, match="no checkpoint, or damaged; --restart"):
        train(few, broken_off, planned(), say=silent)


def test_any_byte_of_a_checkpoint_damaged() -> None:
    """It is our one line, or no harm; zips and arrays know many other errors."""
    whole = Checkpoint({"seed": 1})
    whole.state = whole.best = [np.ones((2, 2), dtype=np.float32)]
    content, refused = whole.content(), 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        try:
            parse_checkpoint(bytes(damaged), "checkpoint.npz")
        except FerError:
            refused += 1
    assert refused > len(content) // 2


def test_a_disk_that_fills_up_while_saving(full_disk: Path) -> None:
    """The checkpoint of the epoch before survives, whole."""
    path = full_disk / "checkpoint.npz"
    small = Checkpoint({"seed": 1}, state=[np.arange(4)], history=[{"val_loss": 1.0}])
    small.save(path)
    large = Checkpoint({"seed": 1}, state=[np.zeros(1_000_000)])
    with pytest.raises(OSError, match="No space left on device") as caught:
        large.save(path)
    assert caught.value.filename == str(path)
    assert load_checkpoint(path).history == [{"val_loss": 1.0}]
    assert [file.name for file in full_disk.iterdir()] == ["checkpoint.npz"]


def test_a_full_disk_ends_a_training_that_can_go_on_later(
    few_faces: FaceData, full_disk: Path, tmp_path: Path
) -> None:
    """Exit 2 and one line; with room again, the same command finishes."""
    room = tmp_path / "room"
    arguments: list[str | Path] = [
        "run", "--data", few_faces.source, "--preset", "base", "--epochs", "2",
    ]  # fmt: skip
    done = run_forked("fer-train", *arguments, "--out", full_disk / "run")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr
    shutil.copytree(full_disk / "run", room)
    done = run_forked("fer-train", *arguments, "--out", room)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Figures, plan and arrays of every type."""
    written = Checkpoint(
        {"labels": ["a", "b"]},
        history=[{"epoch": 1, "val_loss": 0.1 + 0.2}],
        best_epoch=1,
        seconds=12.5,
        state=[np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7)],
        best=[np.zeros((0, 2), dtype=np.float32)],
    )
    path = tmp_path / "checkpoint.npz"
    written.save(path)
    seen = load_checkpoint(path)
    assert (seen.identity, seen.history, seen.best_epoch, seen.seconds) == (
        written.identity, written.history, 1, 12.5,
    )  # fmt: skip
    for old, new in ((written.state, seen.state), (written.best, seen.best)):
        assert [array.dtype for array in new] == [array.dtype for array in old]
        assert all(map(np.array_equal, old, new))


def test_the_best_epoch_is_the_first_of_equals() -> None:
    """By the highest accuracy, or by the lowest loss."""
    rows = [
        {"val_accuracy": accuracy, "val_loss": loss}
        for accuracy, loss in ((0.5, 0.9), (0.7, 0.8), (0.7, 0.8), (0.6, 0.7))
    ]
    best = {
        monitor: [
            Checkpoint({}, rows[: count + 1]).is_best(monitor) for count in range(4)
        ]
        for monitor in (Monitor.ACCURACY, Monitor.LOSS)
    }
    assert best[Monitor.ACCURACY] == [True, True, False, False]
    assert best[Monitor.LOSS] == [True, True, False, True]


def test_tensorboard_shows_each_epoch_once(
    few: Material, planned: Callable[..., Plan], broken_off: Path
) -> None:
    """Also of a training that was taken up again."""
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    train(few, broken_off, planned(), say=silent)
    events = EventAccumulator(str(broken_off / "tensorboard"))
    events.Reload()
    assert {"loss", "val_accuracy", "learning_rate"} <= set(events.Tags()["tensors"])
    steps = [event.step for event in events.Tensors("val_accuracy")]
    assert steps == [1, 2, 3]
    measured = json.loads((broken_off / "metrics.json").read_text())["accuracy"]
    shown = [
        float(event.tensor_proto.float_val[0])
        for event in events.Tensors("val_accuracy")
    ]
    assert max(shown) == pytest.approx(measured, abs=1e-4)
