"""Models of every form, and what is said of one that will not do."""

import contextlib
import dataclasses
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter_models import small_model
from fer_contract.dataset import FaceSet
from fer_contract.errors import FerError, ManifestError, ModelError
from fer_contract.manifest import RunManifest, read_manifest, write_manifest
from fer_contract.preprocess import Pixels
from fer_converter.backend import start_tensorflow
from fer_converter.freezing import freeze
from fer_converter.sources import Asked, PixelRange, open_model

LABELS = ("happy", "sad", "calm")


def exported(model: Any, path: Path, batch: int | None) -> Path:
    """Write a SavedModel as Keras does."""
    keras, _ = start_tensorflow()
    shape = (batch, *model.input_shape[1:])
    spec = keras.InputSpec(shape=shape, dtype="float32")
    model.export(path, input_signature=[spec], verbose=0)
    return path


def test_a_run_says_everything_itself(run_directory: Path, validation: FaceSet) -> None:
    """Labels, input and network are its manifest's; its accuracy is the trainer's."""
    run = read_manifest(run_directory, RunManifest)
    model = open_model(run_directory, Asked())
    assert (model.labels, model.input, model.name) == (run.labels, run.input, "compact")
    named = model.probabilities(validation.faces).argmax(axis=1)
    accuracy = float((named == validation.classes).mean())
    assert accuracy == pytest.approx(run.training["validation"]["accuracy"], abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        (Asked(labels=LABELS), "--labels"),
        (Asked(pixel_range=PixelRange.UNIT), "--pixels"),
        (Asked(margin=0.0), "--margin"),
    ],
)
def test_a_run_and_something_that_contradicts_it(
    run_directory: Path, asked: Asked, option: str
) -> None:
    """The option is named; nobody has to guess which of both counts."""
    with pytest.raises(FerError, match=f"^{option}: .* its manifest says it"):
        open_model(run_directory, asked)


@pytest.mark.parametrize("batch", [None, 1])
def test_a_saved_model_answers_as_the_keras_file(
    small_keras: Path, noise: Pixels, tmp_path: Path, batch: int | None
) -> None:
    """Whether it takes any number of faces or one."""
    keras, _ = start_tensorflow()
    path = exported(keras.saving.load_model(small_keras), tmp_path / "saved", batch)
    asked = Asked(labels=LABELS)
    wanted = open_model(small_keras, asked).probabilities(noise)
    np.testing.assert_allclose(
        open_model(path, asked).probabilities(noise), wanted, atol=1e-6
    )


@pytest.mark.parametrize(
    ("pixel_range", "prepared"),
    [
        (PixelRange.UNIT, lambda pixels: pixels / 255),
        (PixelRange.SIGNED, lambda pixels: pixels / 127.5 - 1),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_made_what_the_model_wants(
    noise: Pixels,
    tmp_path: Path,
    pixel_range: PixelRange,
    prepared: Callable[[Any], Any],
    channels: int,
) -> None:
    """Range and colour are in its graph afterwards: the device sends grey bytes."""
    model = small_model(channels=channels)
    path = tmp_path / "own.keras"
    model.save(path)
    wanted = model.predict(
        np.repeat(prepared(noise.astype(np.float32)), channels, axis=-1), verbose=0
    )
    found = open_model(path, Asked(labels=LABELS, pixel_range=pixel_range))
    np.testing.assert_allclose(found.probabilities(noise), wanted, atol=1e-6)


def dense(classes: int = 3, activation: str | None = "softmax") -> Any:
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(classes, activation=activation, name="judge")(x)
    return keras.Model(inputs, x)


def test_no_labels(small_keras: Path) -> None:
    """They are asked for, with how to give them."""
    with pytest.raises(FerError, match=r"^--labels: .*own\.keras has no manifest"):
        open_model(small_keras, Asked())


def test_too_few_labels(small_keras: Path) -> None:
    """Both counts are named."""
    with pytest.raises(ModelError, match=r"output is \(None, 3\); --labels names 2"):
        open_model(small_keras, Asked(labels=("a", "b")))


def test_two_colours(tmp_path: Path) -> None:
    """The input is named, with what is wanted."""
    path = tmp_path / "two.keras"
    small_model(channels=2).save(path)
    with pytest.raises(ModelError, match=r"input is \(None, 8, 8, 2\); .* 1 or 3"):
        open_model(path, Asked(labels=LABELS))


def test_an_end_without_softmax(tmp_path: Path, noise: Pixels) -> None:
    """Scores that sum to anything are not taken for probabilities."""
    path = tmp_path / "logits.keras"
    dense(activation=None).save(path)
    model = open_model(path, Asked(labels=LABELS))
    with pytest.raises(ModelError, match="1 is wanted: let the model end in a softmax"):
        model.probabilities(noise)


def test_two_outputs(tmp_path: Path) -> None:
    """A SavedModel with more than one is none of ours."""
    keras, _ = start_tensorflow()
    model = small_model()
    both = keras.Model(model.input, [model.output, model.layers[1].output])
    path = exported(both, tmp_path / "saved", None)
    with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
        open_model(path, Asked(labels=LABELS))


@pytest.mark.parametrize("form", ["keras", "saved"])
def test_weights_that_are_not_numbers(tmp_path: Path, form: str) -> None:
    """A NaN would quantize to anything; the weight is named."""
    model = dense()
    model.get_layer("judge").set_weights([np.full((64, 3), np.nan), np.zeros(3)])
    path = tmp_path / "nan.keras"
    if form == "keras":
        model.save(path)
    else:
        path = exported(model, tmp_path / "saved", None)
    with pytest.raises(ModelError, match=r"judge.*holds a NaN"):
        open_model(path, Asked(labels=LABELS))


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """One line that names it."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"model\.keras: truncated or damaged"):
        open_model(path, Asked(labels=LABELS))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "nothing of the kind")
    with pytest.raises(ModelError, match=r"model\.keras: not a Keras model"):
        open_model(path, Asked(labels=LABELS))


def test_faces_in_place_of_a_model(tmp_path: Path) -> None:
    """One line that says what is taken, and nothing of Keras' own formats."""
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/sad/0.jpg", b"")
    expected = (
        f"{path}: no model that can be read; a run directory, a .keras file or a "
        "SavedModel is wanted"
    )
    with pytest.raises(ModelError) as caught:
        open_model(path, Asked(labels=LABELS))
    assert str(caught.value) == expected


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_keras_file_with_one_other_byte(
    small_keras: Path, data: st.DataObject
) -> None:
    """It is read or refused; Keras raises whatever comes."""
    content = bytearray(small_keras.read_bytes())
    place = data.draw(st.integers(4, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flipped.keras"
        path.write_bytes(content)
        with contextlib.suppress(ModelError):
            open_model(path, Asked(labels=LABELS))


def test_two_outputs_of_a_keras_file(tmp_path: Path) -> None:
    """Said in one line, too."""
    keras, _ = start_tensorflow()
    model = small_model()
    path = tmp_path / "both.keras"
    keras.Model(model.input, [model.output, model.layers[1].output]).save(path)
    with pytest.raises(ModelError, match="not one input and one output, but several"):
        open_model(path, Asked(labels=LABELS))


def test_a_network_in_16_bits(tmp_path: Path) -> None:
    """The layer is named, and what to do."""
    keras, _ = start_tensorflow()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = dense()
    finally:
        keras.config.set_dtype_policy(before)
    path = tmp_path / "half.keras"
    model.save(path)
    with pytest.raises(
        ModelError, match=r"computes in float16; save .* policy float32"
    ):
        open_model(path, Asked(labels=LABELS))


@pytest.mark.parametrize(
    ("kind", "shape", "told"),
    [
        ("uint8", (None, 8, 8, 1), "is uint8 of"),
        ("float32", None, "of shape <unknown>"),
    ],
)
def test_a_saved_model_of_another_kind(
    tmp_path: Path, kind: str, shape: tuple[int | None, ...] | None, told: str
) -> None:
    """The tensor is named, with what is wanted."""
    _, tf = start_tensorflow()
    module = tf.Module()
    module.run = tf.function(
        lambda x: tf.nn.softmax(tf.reshape(tf.cast(x, tf.float32), (-1, 3))),
        input_signature=[tf.TensorSpec(shape, kind)],
    )
    path = tmp_path / "saved"
    tf.saved_model.save(module, path, signatures=module.run)
    with pytest.raises(ModelError, match=f"{told}.* float32 of a known shape"):
        open_model(path, Asked(labels=LABELS))


def test_a_model_that_cannot_be_run(small_keras: Path, noise: Pixels) -> None:
    """Its complaint is told in one line, by whoever runs it first."""

    def fail(_pixels: Any) -> Any:
        raise RuntimeError("no such kernel\nand pages about it")

    broken = dataclasses.replace(
        open_model(small_keras, Asked(labels=LABELS)), call=fail
    )
    with pytest.raises(ModelError, match=r"own\.keras: cannot be run \(") as caught:
        broken.probabilities(noise)
    assert "pages" not in str(caught.value)
    with pytest.raises(ModelError, match=r"own\.keras: cannot be traced for one face"):
        freeze(broken)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my model.keras", "my-model"),
        ("_final.keras", "final"),
        ("modèle.keras", "mod-le"),
        ("表情.keras", "model"),
    ],
)
def test_a_name_that_events_can_carry(
    small_keras: Path, tmp_path: Path, file: str, name: str
) -> None:
    """Files are called anything."""
    shutil.copy(small_keras, tmp_path / file)
    assert open_model(tmp_path / file, Asked(labels=LABELS)).name == name


def test_a_path_that_is_mistyped() -> None:
    """Whatever else was asked, that comes first."""
    with pytest.raises(FerError, match=r"^owm\.keras: no such file or directory"):
        open_model(Path("owm.keras"), Asked(labels=LABELS))


def test_a_saved_model_that_is_damaged(tmp_path: Path) -> None:
    """One line that names it."""
    path = tmp_path / "saved"
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\xff\xfe nothing")
    with pytest.raises(ModelError, match="saved: no SavedModel"):
        open_model(path, Asked(labels=LABELS))


def test_an_empty_directory(tmp_path: Path) -> None:
    """It is neither a run nor a SavedModel, and is told so."""
    with pytest.raises(ManifestError, match="no finished run and no SavedModel"):
        open_model(tmp_path, Asked(labels=LABELS))


def test_a_run_of_another_input(run_directory: Path, tmp_path: Path) -> None:
    """A model exchanged by hand does not pass for the manifest's."""
    run = shutil.copytree(run_directory, tmp_path / "run")
    manifest = read_manifest(run, RunManifest)
    small_model().save(run / "model.keras")
    write_manifest(run, manifest, manifest.files)
    with pytest.raises(ModelError, match=r"input is .*; the manifest says"):
        open_model(run, Asked())
