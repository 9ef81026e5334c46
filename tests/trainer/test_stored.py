"""Weights in a small file, and a training that begins with them."""

from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.presets import find_preset
from fer_trainer.presets.stored import pack, stored_weights
from processes import run_command, run_forked

keras = start_keras()

NO_FACES = np.zeros((0, 48, 48, 1), np.uint8)


def some_faces() -> np.ndarray:
    """Four faces of noise."""
    pixels = np.random.default_rng(2).integers(0, 256, (4, 48, 48, 1))
    return pixels.astype(np.float32)


def test_a_network_answers_as_before(tmp_path: Path) -> None:
    """To a hundredth of a score, from half of the bytes."""
    keras.utils.set_random_seed(3)
    build = find_preset("compact").build
    first, second = build(InputSpec(), 4), build(InputSpec(), 4)
    path = tmp_path / "w.npz"
    path.write_bytes(pack(first.get_weights()))
    assert path.stat().st_size < 2.2 * first.count_params()
    stored_weights("compact")(second, str(path), NO_FACES)
    np.testing.assert_allclose(
        np.asarray(second(some_faces())), np.asarray(first(some_faces())), atol=0.01
    )


def test_a_network_with_a_backbone(tmp_path: Path) -> None:
    """It goes on from a run of its own as well, head and all."""
    preset = find_preset("efficientnetb0-block6a")
    first, second = (preset.build(InputSpec(32, 32), 4) for _ in range(2))
    path = tmp_path / "own.npz"
    path.write_bytes(pack(first.get_weights()))
    assert preset.load_pretrained is not None
    preset.load_pretrained(second, str(path), NO_FACES)
    for ours, theirs in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_another_number_of_classes(tmp_path: Path) -> None:
    """All is filled but the dense layer at the end, which stays fresh."""
    build = find_preset("compact").build
    first, second = build(InputSpec(), 4), build(InputSpec(), 7)
    head = second.layers[-1].get_weights()
    path = tmp_path / "w.npz"
    path.write_bytes(pack(first.get_weights()))
    stored_weights("compact")(second, str(path), NO_FACES)
    np.testing.assert_allclose(
        second.get_weights()[0], first.get_weights()[0], rtol=1e-3, atol=1e-4
    )
    for kept, fresh in zip(second.layers[-1].get_weights(), head, strict=True):
        np.testing.assert_array_equal(kept, fresh)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "w.npz; no such file"),
        (b"", "w.npz; no weights of fer-train, or damaged"),
        (b"PK\x03\x04 not a zip", "w.npz; no weights of fer-train, or damaged"),
        (pack([np.zeros((2, 2))]), "w.npz; weights of another network than compact"),
    ],
)
def test_a_file_that_is_none(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    """One line that names it."""
    path = tmp_path / "w.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FerError, match=complaint):
        stored_weights("compact")(
            find_preset("compact").build(InputSpec(), 4), str(path), NO_FACES
        )


def test_a_preset_that_was_not_released() -> None:
    """The line names those that were."""
    network = find_preset("base").build(InputSpec(), 4)
    complaint = r"^--weights: released; those are \w+'s, not base's$"
    with pytest.raises(FerError, match=complaint):
        stored_weights("base")(network, "released", NO_FACES)


def test_a_run_of_the_preset(run_directory: Path) -> None:
    """Its weights are taken as they are."""
    network = find_preset("compact").build(InputSpec(), 4)
    stored_weights("compact")(network, str(run_directory), NO_FACES)
    run = keras.saving.load_model(run_directory / RunManifest.MODEL, compile=False)
    for ours, theirs in zip(network.get_weights(), run.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["mobilenet-faces", "efficientnetb0-block6a"])
def test_a_run_of_another_preset(run_directory: Path, name: str) -> None:
    """It is named, with what it is of."""
    preset = find_preset(name)
    assert preset.load_pretrained is not None
    complaint = f"^--weights: {run_directory}; a run of compact, not of {name}$"
    with pytest.raises(FerError, match=complaint):
        preset.load_pretrained(
            preset.build(InputSpec(), 4), str(run_directory), NO_FACES
        )


@pytest.mark.parametrize("kind", ["file", "run"])
def test_a_run_goes_on_from_the_weights_of_another(
    run_directory: Path, few_faces: FaceData, tmp_path: Path, kind: str
) -> None:
    """One epoch at no rate to speak of keeps what ten epochs have learned."""
    path = tmp_path / "own.npz"
    done = run_command("fer-train", "weights", run_directory, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_forked("fer-train", "weights", run_directory, "-o", path)
    assert done.returncode == 2
    assert done.stderr == f"fer-train: {path}: already there; name a new file\n"
    weights = path if kind == "file" else run_directory
    done = run_forked(
        "fer-train", "run", "--data", few_faces.source, "--preset", "compact",
        "--weights", weights, "--epochs", "1", "--learning-rate", "1e-6",
        "--weight-average", "0.5", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split("validation accuracy ")[1].split("%")[0])
    assert accuracy > 70
