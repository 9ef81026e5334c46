"""A student learns from its teachers, and only the student is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest, write_manifest
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.material import Material, load_material
from fer_trainer.plan import Plan
from fer_trainer.presets import find_preset
from fer_trainer.training.train import train

Planned = Callable[..., Plan]


def silent(_line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def teacher(few: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose network is nearly sure that whatever it sees is happy."""
    run = tmp_path_factory.mktemp("teacher")
    network = find_preset("base").build(few.spec, 4)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights(
        [0.1 * kernel, bias + np.array([3.0, 0.0, 1.0, 0.0])]
    )
    network.save(run / "model.keras")
    manifest = RunManifest(
        labels=few.train.labels, input=few.spec, preset="base", seed=0
    )
    write_manifest(run, manifest, ["model.keras"])
    return run


def test_a_student_without_targets_comes_to_answer_as_its_teacher(
    few: Material, planned: Planned, teacher: Path, out: Path
) -> None:
    """With no share for the labels, only the teacher can have taught it that."""
    plan = planned(
        epochs=6,
        learning_rate=0.01,
        monitor="val_loss",
        teachers=(teacher,),
        teacher_share=1.0,
        temperature=1.0,
    )
    # The best epoch is that of the labels: here the last one is wanted.
    last: list[dict[str, float]] = []
    train(few, out, plan, say=silent, after_epoch=lambda _, row: last.append(dict(row)))
    # Happy at 0.83 leaves 0.04 to 0.11 for the others: a loss of 2 or so.
    assert last[0]["val_loss"] > 1.3
    assert last[-1]["val_loss"] > 1.7
    assert last[-1]["val_accuracy"] == 0.25


def test_only_the_student_is_saved(
    few: Material, planned: Planned, teacher: Path, out: Path
) -> None:
    """A plain network of the preset, no larger; the teacher is named by its digest."""
    plan = planned(epochs=1, teachers=(teacher, teacher))
    manifest = train(few, out, plan, say=silent)
    model = start_keras().saving.load_model(out / "model.keras")
    assert model.count_params() == 605_060
    digest = read_manifest(teacher, RunManifest).files["model.keras"]
    known = {"sha256": digest, "preset": "base", "seed": 0}
    assert manifest.training["teachers"] == [known, known]


def softened(probabilities: Any) -> Any:
    """The softmax of a third of the logits."""
    powers = np.maximum(probabilities, 1e-7) ** (1 / 3)
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_loss_is_that_of_the_paper(teacher: Path, few: Material) -> None:
    """Share times T squared times the cross-entropy of softened probabilities.

    The teachers are asked about the very faces; their mean is what is wanted.
    """
    keras = start_keras()
    from fer_trainer.training.distillation import Student, load_teachers

    sure, doubtful = load_teachers((teacher, teacher))
    kernel, bias = doubtful.layers[-1].get_weights()
    doubtful.layers[-1].set_weights([3 * kernel, bias / 3])
    teachers = [sure, doubtful]
    network = keras.saving.load_model(teacher / "model.keras")
    student = Student(network, teachers, share=1.0, temperature=3.0)
    student.compile(loss="categorical_crossentropy")
    faces = few.train.faces[:6].astype(np.float32)
    given = network.predict(faces[:, :, ::-1], verbose=0).astype(np.float64)
    taught = [one.predict(faces, verbose=0).astype(np.float64) for one in teachers]
    assert np.abs(taught[0] - given).max() > 1e-4
    assert np.abs(taught[0] - taught[1]).max() > 0.1
    wanted, soft = softened(sum(taught) / 2), softened(given)
    weights = np.array([1, 1, 1, 2, 1, 1], dtype=np.float32)
    entropy = -(wanted * np.log(soft)).sum(axis=1)
    loss = student.compute_loss(
        keras.ops.convert_to_tensor(faces),
        np.eye(4, dtype=np.float32)[[0] * 6],
        keras.ops.convert_to_tensor(given.astype(np.float32)),
        keras.ops.convert_to_tensor(weights),
    )
    expected = 9 * float((weights * entropy).mean())
    assert float(np.asarray(loss)) == pytest.approx(expected, rel=1e-4)


def test_a_teacher_of_other_labels(
    few_faces: FaceData, planned: Planned, teacher: Path, out: Path
) -> None:
    """One line with both orders: probabilities would be taken for others."""
    other = load_material(
        FaceData(few_faces.source, ("sad", "happy", "neutral", "surprise"))
    )
    with pytest.raises(FerError, match="knows happy, neutral, sad, surprise; the data"):
        train(other, out, planned(teachers=(teacher,)), say=silent)


def test_a_teacher_of_another_size(
    few_faces: FaceData, planned: Planned, teacher: Path, out: Path
) -> None:
    """One line with both sizes."""
    larger = load_material(FaceData(few_faces.source, spec=InputSpec(64, 64)))
    with pytest.raises(FerError, match="takes faces of 48x48; the student's are 64x64"):
        train(larger, out, planned(teachers=(teacher,)), say=silent)
