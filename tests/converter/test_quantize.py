"""The int8 model: 8 bits from end to end, static, and what old runtimes can read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_contract.dataset import FaceSet
from fer_contract.errors import ModelError
from fer_contract.manifest import RunManifest, read_manifest
from fer_contract.preprocess import InputSpec
from fer_contract.quiet import native_messages_to_log
from fer_contract.tflite import TfliteClassifier, load_runtime
from fer_converter.calibration import select
from fer_converter.quantize import FloatModel, start_tensorflow

LABELS = ("happy", "neutral", "sad", "surprise")


@pytest.fixture(scope="module")
def trained(run_directory: Path) -> FloatModel:
    """The compact preset, trained on drawn faces."""
    run = read_manifest(run_directory, RunManifest)
    return FloatModel(run_directory / run.MODEL, run.input, run.labels)


@pytest.fixture(scope="module")
def quantized(
    trained: FloatModel, validation: FaceSet, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its int8 model."""
    path = tmp_path_factory.mktemp("int8") / "model_int8.tflite"
    path.write_bytes(trained.quantized(select(validation, 60, 0).calibration.faces))
    return path


def interpreter(path: Path) -> Any:
    """Load without allocating: LiteRT repeats a single scale once it prepares."""
    module, _ = load_runtime()
    with native_messages_to_log():
        return module.Interpreter(model_path=str(path))


def test_every_tensor_is_an_integer(quantized: Path) -> None:
    """No float operator is left for the Edge TPU to refuse."""
    kinds = {
        np.dtype(part["dtype"]).name
        for part in interpreter(quantized).get_tensor_details()
    }
    assert kinds == {"int8", "int32", "uint8"}


def test_every_shape_is_static_with_batch_1(quantized: Path) -> None:
    """Neither computed at run time nor open."""
    loaded = interpreter(quantized)
    for part in loaded.get_tensor_details():
        assert -1 not in part["shape_signature"].tolist()
    operators = {part["op_name"] for part in loaded._get_ops_details()}
    assert operators.isdisjoint({"SHAPE", "PACK", "STRIDED_SLICE"})
    assert loaded.get_input_details()[0]["shape"].tolist() == [1, 48, 48, 1]


def test_pixels_go_in_as_they_are(quantized: Path) -> None:
    """Scale 1 and zero point 0: a pixel's value is its meaning."""
    source = interpreter(quantized).get_input_details()[0]
    assert source["dtype"] is np.uint8
    assert source["quantization"] == (1.0, 0)


def test_dense_weights_have_one_scale(quantized: Path) -> None:
    """Runtimes older than TF 2.10 read one, and return constants for several."""
    loaded = interpreter(quantized)
    tensors = {part["index"]: part for part in loaded.get_tensor_details()}
    dense = [
        op for op in loaded._get_ops_details() if op["op_name"] == "FULLY_CONNECTED"
    ]
    assert len(dense) == 1
    weights = tensors[dense[0]["inputs"][1]]
    assert len(weights["quantization_parameters"]["scales"]) == 1


def test_convolutions_keep_a_scale_a_filter(quantized: Path) -> None:
    """Where a scale each is safe, it is used."""
    loaded = interpreter(quantized)
    tensors = {part["index"]: part for part in loaded.get_tensor_details()}
    counts = {
        len(tensors[op["inputs"][1]]["quantization_parameters"]["scales"])
        for op in loaded._get_ops_details()
        if op["op_name"] == "CONV_2D"
    }
    assert counts == {24, 48, 96}


def test_the_same_inputs_give_the_same_bytes(
    trained: FloatModel, validation: FaceSet, quantized: Path
) -> None:
    """A bundle can be made again and compared."""
    again = trained.quantized(select(validation, 60, 0).calibration.faces)
    assert again == quantized.read_bytes()


def test_the_calibration_faces_are_used(
    trained: FloatModel, validation: FaceSet, quantized: Path, tmp_path: Path
) -> None:
    """All-black faces measure other ranges, and ruin the model."""
    black = np.zeros((20, 48, 48, 1), dtype=np.uint8)
    ruined = tmp_path / "ruined.tflite"
    ruined.write_bytes(trained.quantized(black))
    faces = validation.faces[::10]
    classes = validation.classes[::10]

    def accuracy(path: Path) -> float:
        model = TfliteClassifier(path)
        named = [model.quantized(face).argmax() for face in faces]
        return float(np.mean(np.array(named) == classes))

    assert accuracy(quantized) > 0.9
    assert accuracy(ruined) < accuracy(quantized) - 0.1


def test_float_scores_are_those_of_the_trained_model(
    trained: FloatModel, run_directory: Path, validation: FaceSet
) -> None:
    """Accuracy on the split is what the trainer wrote into the run."""
    run = read_manifest(run_directory, RunManifest)
    named = trained.probabilities(validation.faces).argmax(axis=1)
    accuracy = float((named == validation.classes).mean())
    assert accuracy == pytest.approx(run.training["validation"]["accuracy"], abs=1e-4)


@pytest.mark.parametrize(
    ("spec", "labels", "complaint"),
    [
        (InputSpec(64, 64), LABELS, "input is .*; the manifest says"),
        (InputSpec(), LABELS[:3], "output is .*; the manifest has 3 labels"),
    ],
)
def test_a_model_that_its_manifest_does_not_describe(
    run_directory: Path, spec: InputSpec, labels: tuple[str, ...], complaint: str
) -> None:
    """Named, with both figures."""
    with pytest.raises(ModelError, match=complaint):
        FloatModel(run_directory / "model.keras", spec, labels)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """One line that names it."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"model\.keras: not a Keras model"):
        FloatModel(path, InputSpec(), LABELS)


def test_weights_that_are_not_numbers(tmp_path: Path) -> None:
    """A NaN would quantize to anything; the weight is named."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((48, 48, 1))
    outputs = keras.layers.Dense(4, name="judge")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.get_layer("judge").set_weights([np.full((2304, 4), np.nan), np.zeros(4)])
    path = tmp_path / "model.keras"
    model.save(path)
    with pytest.raises(ModelError, match="judge/kernel holds a NaN"):
        FloatModel(path, InputSpec(), LABELS)
