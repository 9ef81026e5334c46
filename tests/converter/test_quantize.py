"""The int8 model: 8 bits from end to end, static, and what old runtimes can read."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from converter_models import Converted
from fer_contract.dataset import FaceSet
from fer_contract.errors import ModelError
from fer_contract.preprocess import Pixels
from fer_contract.tflite import TfliteClassifier
from fer_converter.backend import start_tensorflow
from fer_converter.calibration import select
from fer_converter.freezing import freeze
from fer_converter.interpreters import FloatTflite, probabilities
from fer_converter.quantize import Kind, to_tflite
from fer_converter.rules import pixels_as_they_are
from fer_converter.sources import Asked, open_model
from fer_converter.tflite_file import parse_tflite


def test_pixels_go_in_as_they_are(converted: Converted) -> None:
    """Scale 1 and zero point 0: a pixel's value is its meaning."""
    (source,) = converted.file(Kind.INT8).inputs
    assert source.kind == "uint8"
    assert (source.scales, source.zero_points) == ((1.0,), (0,))


@pytest.mark.parametrize(("low", "high"), [(0, 200), (40, 120), (1, 255)])
def test_calibration_faces_of_little_contrast(
    small_keras: Path, noise: Pixels, low: int, high: int
) -> None:
    """The device sends grey values as they are: no face may come out dimmer."""
    faces = (low + noise.astype(np.uint16) * (high - low) // 255).astype(np.uint8)
    source = open_model(small_keras, Asked(labels=("a", "b", "c")))
    content = to_tflite(freeze(source), Kind.INT8, faces)
    model = parse_tflite(content, Path("model_int8.tflite"))
    assert (model.inputs[0].scales, model.inputs[0].zero_points) == ((1.0,), (0,))
    assert pixels_as_they_are(model) == (True, "scale 1, zero point 0")


def test_an_input_of_another_scale(converted: Converted) -> None:
    """Found in the file, whoever made it."""
    model = converted.file(Kind.INT8)
    (source,) = model.inputs
    for scales, zeros in (((0.784,), (0,)), ((1.0,), (3,)), ((), ())):
        other = dataclasses.replace(source, scales=scales, zero_points=zeros)
        held, _ = pixels_as_they_are(dataclasses.replace(model, inputs=(other,)))
        assert not held


def test_convolutions_keep_a_scale_a_filter(converted: Converted) -> None:
    """Where a scale each is safe, it is used."""
    counts = {
        len(op.inputs[1].scales)
        for op in converted.file(Kind.INT8).operators
        if op.name == "CONV_2D"
    }
    assert counts == {16, 48, 96, 128}


def test_dense_weights_have_one_scale(converted: Converted) -> None:
    """Runtimes older than TF 2.10 read one, and return constants for several."""
    counts = {
        len(op.inputs[1].scales)
        for op in converted.file(Kind.INT8).operators
        if op.name == "FULLY_CONNECTED"
    }
    assert counts == {1}


@pytest.mark.parametrize("kind", [Kind.FLOAT32, Kind.DYNAMIC, Kind.INT8])
def test_the_same_inputs_give_the_same_bytes(
    converted: Converted, validation: FaceSet, kind: Kind
) -> None:
    """A bundle can be made again and compared."""
    again = to_tflite(
        freeze(converted.source), kind, select(validation, 60, 0).calibration.faces
    )
    assert again == converted.contents[kind]


def test_every_kind_is_smaller_than_the_one_before(converted: Converted) -> None:
    """16 bits are half of 32, 8 about a quarter."""
    sizes = {kind: len(content) for kind, content in converted.contents.items()}
    assert 0.45 < sizes[Kind.FLOAT16] / sizes[Kind.FLOAT32] < 0.6
    assert 0.2 < sizes[Kind.DYNAMIC] / sizes[Kind.FLOAT32] < 0.35
    assert 0.2 < sizes[Kind.INT8] / sizes[Kind.FLOAT32] < 0.35


@pytest.mark.parametrize(
    ("kind", "largest"),
    [(Kind.FLOAT32, 1e-5), (Kind.FLOAT16, 0.02), (Kind.DYNAMIC, 0.2)],
)
def test_scores_of_float_kinds(
    converted: Converted, validation: FaceSet, kind: Kind, largest: float
) -> None:
    """As those of Keras, to the precision of the kind."""
    faces = validation.faces[::20]
    scores = probabilities(FloatTflite(converted.contents[kind]), faces)
    gaps = np.abs(scores - converted.source.probabilities(faces))
    assert 0 < gaps.max() < largest


def test_black_faces_to_calibrate_on(
    converted: Converted, validation: FaceSet, tmp_path: Path
) -> None:
    """They measure other ranges, and ruin the model."""
    black = np.zeros((20, 48, 48, 1), dtype=np.uint8)
    faces, classes = validation.faces[::10], validation.classes[::10]

    def accuracy(content: bytes) -> float:
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        model = TfliteClassifier(path)
        named = [model.quantized(face).argmax() for face in faces]
        return float(np.mean(np.array(named) == classes))

    ruined = to_tflite(freeze(converted.source), Kind.INT8, black)
    assert accuracy(converted.contents[Kind.INT8]) > 0.9
    assert accuracy(ruined) < accuracy(converted.contents[Kind.INT8]) - 0.1


@pytest.mark.parametrize("kind", Kind)
def test_an_operation_that_tflite_has_not(
    small_keras: Path, capfd: pytest.CaptureFixture[str], kind: Kind
) -> None:
    """It is named, in one line, and nothing else is printed."""
    _, tf = start_tensorflow()
    source = open_model(small_keras, Asked(labels=("a", "b", "c")))
    odd = dataclasses.replace(source, call=lambda x: source.call(tf.math.erfinv(x)))
    frozen = freeze(odd)
    capfd.readouterr()
    with pytest.raises(ModelError) as caught:
        to_tflite(frozen, kind, np.zeros((2, 8, 8, 1), np.uint8))
    assert str(caught.value) == f"{kind}: cannot be converted (TFLite has no tf.Erfinv)"
    assert capfd.readouterr() == ("", "")
