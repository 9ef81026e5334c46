"""The preset slim: it begins with filters of a run of mobilenet-faces."""

import dataclasses
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import DigestError, FerError, ManifestError
from fer_contract.manifest import RunManifest, read_manifest, write_manifest
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.presets import find_preset, mobilenet_faces
from fer_trainer.presets.preset import Faces
from fer_trainer.presets.slim import build, load
from fer_trainer.presets.stored import pack
from fer_trainer.reproduction import commands
from processes import run_forked

keras = start_keras()


@pytest.fixture(scope="module")
def teacher(few_faces: FaceData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mobilenet-faces, one epoch from fresh weights."""
    return trained(few_faces, tmp_path_factory.mktemp("slim"), "mobilenet-faces")


@pytest.fixture(scope="module")
def faces(few_faces: FaceData) -> Faces:
    """What the trainer hands over, to choose filters by."""
    return few_faces.load("train").faces


def trained(data: FaceData, folder: Path, preset: str, *more: str | Path) -> Path:
    """Train a preset for an epoch."""
    out = folder / preset
    done = run_forked(
        "fer-train", "run", "--data", data.source, "--preset", preset, "--epochs", "1",
        "--recipe", "study", "--batch-size", "32", "--out", out, *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def test_it_is_pruned_taught_and_made_again(
    teacher: Path, few_faces: FaceData, tmp_path: Path
) -> None:
    """The commands that a card would give name the teacher for both.

    Then it goes on from itself: the teacher of both is trained once.
    """
    more = ("--weights", teacher, "--teacher", teacher)
    run = trained(few_faces, tmp_path, "slim", *more)
    first, second = again(run)
    assert first[-2:] == ["--out", "TEACHER1"]
    assert named(second, "--weights", "--teacher") == ["TEACHER1", "TEACHER1"]
    more = ("--weights", run, "--teacher", teacher)
    run = trained(few_faces, tmp_path / "further", "slim", *more)
    *_, before, last = made = again(run)
    assert [line[-1] for line in made] == ["TEACHER1", "BEFORE", "RUN"]
    assert named(before, "--weights", "--teacher") == ["TEACHER1", "TEACHER1"]
    assert named(last, "--weights", "--teacher") == ["BEFORE", "TEACHER1"]


def again(run: Path) -> list[list[str]]:
    """The words of the commands that train a run again."""
    manifest = read_manifest(run, RunManifest)
    training = {"preset": manifest.preset, "seed": manifest.seed, **manifest.training}
    return [shlex.split(line) for line in commands(training, "ZIP", None)]


def named(command: list[str], *options: str) -> list[str]:
    """What a command gives to its options."""
    return [command[command.index(option) + 1] for option in options]


def test_it_answers_as_the_teacher_before_it_is_trained(
    teacher: Path, faces: Faces, tmp_path: Path
) -> None:
    """On those faces that it was filled by; with fresh weights it does not.

    By what differs from face to face, of the logits.
    """
    large = mobilenet_faces.build(InputSpec(), 4)
    for layer in large.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    large(faces.astype(np.float32), training=True)  # so that no filter is dead
    run = altered(teacher, tmp_path / "lively", large)
    used = faces[::2]
    wanted = logits(large, used)
    network = build(InputSpec(), 4)
    fresh = np.square(logits(network, used) - wanted).sum()
    load(network, str(run), faces)
    assert np.square(logits(network, used) - wanted).sum() < fresh / 10


def logits(network: Any, faces: Faces) -> Any:
    """Return logarithms (N, C), less each class's mean."""
    answers = network.predict(faces.astype(np.float32), verbose=0)
    values = np.log(np.clip(answers, 1e-6, 1.0))
    return values - values.mean(0)


def test_weights_of_a_run_of_its_own(tmp_path: Path, faces: Faces) -> None:
    """``fer-train weights`` makes a file; it is loaded as it is."""
    first, second = build(InputSpec(), 4), build(InputSpec(), 4)
    path = tmp_path / "own.npz"
    path.write_bytes(pack(first.get_weights()))
    load(second, str(path), faces)
    for mine, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-3, abs=1e-6)


def test_a_run_of_another_preset(
    few_faces: FaceData, tmp_path: Path, faces: Faces
) -> None:
    """Only mobilenet-faces has the filters; what was given is named."""
    run = trained(few_faces, tmp_path, "base")
    complaint = f"^--weights: {run}; a run of base, not of mobilenet-faces or slim$"
    with pytest.raises(FerError, match=complaint):
        load(build(InputSpec(), 4), str(run), faces)


@pytest.mark.parametrize(
    ("spec", "classes", "complaint"),
    [
        (InputSpec(64, 64), 4, "for faces of 48x48 pixels, not 64x64"),
        (InputSpec(), 3, "knows 4 emotions, not 3"),
    ],
)
def test_a_teacher_of_other_faces(
    teacher: Path, faces: Faces, spec: InputSpec, classes: int, complaint: str
) -> None:
    """Pixels and emotions must be the same."""
    with pytest.raises(FerError, match=f"^--weights: {teacher}; {complaint}$"):
        load(build(spec, classes), str(teacher), faces)


def test_what_is_no_finished_run(teacher: Path, tmp_path: Path, faces: Faces) -> None:
    """Nothing, an empty folder, a run whose model was changed: one line each."""
    network = build(InputSpec(), 4)
    folder = tmp_path / "folder"
    folder.mkdir()
    for source in ("imagenet", str(tmp_path / "none")):
        complaint = f"^--weights: {source}; no run of mobilenet-faces or slim, and no"
        with pytest.raises(FerError, match=complaint):
            load(network, source, faces)
    with pytest.raises(ManifestError, match=str(folder)):
        load(network, str(folder), faces)
    changed = tmp_path / "changed"
    shutil.copytree(teacher, changed)
    with (changed / RunManifest.MODEL).open("ab") as model:
        model.write(b"!")
    with pytest.raises(DigestError, match=RunManifest.MODEL):
        load(network, str(changed), faces)


def altered(teacher: Path, folder: Path, model: Any) -> Path:
    """A copy of a run with another network in it, whose digest is right."""
    shutil.copytree(teacher, folder)
    model.save(folder / RunManifest.MODEL)
    manifest = read_manifest(teacher, RunManifest)
    write_manifest(folder, manifest, manifest.files)
    return folder


def test_a_teacher_that_is_another_network_now(
    teacher: Path, tmp_path: Path, faces: Faces
) -> None:
    """Of the same preset, before that was changed; and one without numbers."""
    other = altered(teacher, tmp_path / "other", build(InputSpec(), 4))
    complaint = f"^--weights: {other}; the preset mobilenet-faces is another network"
    with pytest.raises(FerError, match=complaint):
        load(build(InputSpec(), 4), str(other), faces)
    model = mobilenet_faces.build(InputSpec(), 4)
    model.set_weights([array * np.nan for array in model.get_weights()])
    broken = altered(teacher, tmp_path / "broken", model)
    with pytest.raises(FerError, match=f"^--weights: {broken}; its answers are no num"):
        load(build(InputSpec(), 4), str(broken), faces)


def test_a_teacher_of_the_emotions_in_another_order(
    teacher: Path, few_faces: FaceData, tmp_path: Path
) -> None:
    """As of --teacher, it is refused: its last layer would be filled in."""
    run = tmp_path / "swapped"
    shutil.copytree(teacher, run)
    manifest = read_manifest(teacher, RunManifest)
    labels = manifest.labels[::-1]
    write_manifest(run, dataclasses.replace(manifest, labels=labels), manifest.files)
    done = run_forked(
        "fer-train", "run", "--data", few_faces.source, "--preset", "slim",
        "--weights", run, "--epochs", "1", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-train: --weights: {run}: knows surprise, sad,")


def test_it_is_listed_as_pretrained() -> None:
    """So that --weights is taken."""
    assert find_preset("slim").load_pretrained is load
