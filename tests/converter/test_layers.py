"""Error a layer, and proof of calibration, on a network that is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from converter_models import Converted, small_model
from fer_contract.dataset import FaceSet
from fer_contract.preprocess import Pixels
from fer_converter.calibration_proof import prove
from fer_converter.freezing import freeze
from fer_converter.layers import LayerError, _cosine, guilty, layer_errors
from fer_converter.quantize import Kind, to_tflite
from fer_converter.sources import Asked, open_model
from fer_converter.tflite_file import parse_tflite
from fer_converter.verdicts import Outcome


def errors_of(converted: Converted, faces: Pixels) -> tuple[LayerError, ...]:
    return layer_errors(
        converted.file(Kind.FLOAT32),
        converted.file(Kind.INT8),
        faces,
    )


def test_a_good_conversion(converted: Converted, validation: FaceSet) -> None:
    """Every operator is compared, and no layer is far from float."""
    errors = errors_of(converted, validation.faces[::100])
    operators = {error.operator for error in errors}
    assert {"CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"} <= operators
    assert min(error.snr for error in errors) > 10
    assert min(error.cosine for error in errors) > 0.95
    assert len(errors) >= len(converted.file(Kind.INT8).operators) - 2


def test_no_layer_is_named_for_what_reaches_it_already_bad() -> None:
    """The one that loses, not the last and noisiest; and not the first."""

    def layer(name: str, snr: float, loss: float) -> LayerError:
        return LayerError(name, "CONV_2D", snr, 1.0, loss)

    layers = (
        layer("first", 40, 60),
        layer("good", 38, 2),
        layer("bad", 20, 18),
        layer("last", 19, 1),
    )
    assert guilty(layers) == layers[2]
    assert guilty(layers[:1]) is None
    assert guilty(()) is None


def test_a_layer_with_one_huge_weight(tmp_path: Path, noise: Pixels) -> None:
    """A dense layer has one scale: the others' weights vanish, and it is named."""
    model = small_model()
    judge = model.get_layer("judge")
    kernel, bias = judge.get_weights()
    # Of a pixel that is always black after the ReLU, so that nothing changes in float.
    convolution = model.layers[2]
    filters, shifts = convolution.get_weights()
    filters[..., 0], shifts[0] = 0, -1
    convolution.set_weights([filters, shifts])
    kernel[::4] = 1000
    judge.set_weights([kernel, bias])
    path = tmp_path / "own.keras"
    model.save(path)
    frozen = freeze(open_model(path, Asked(labels=("a", "b", "c"))))
    floats, ints = to_tflite(frozen, Kind.FLOAT32), to_tflite(frozen, Kind.INT8, noise)
    errors = layer_errors(parse_tflite(floats, path), parse_tflite(ints, path), noise)
    named = guilty(errors)
    assert named is not None
    assert named.operator == "FULLY_CONNECTED"
    assert named.loss > 10


def test_ranges_of_a_calibrated_model(
    converted: Converted, validation: FaceSet
) -> None:
    """They differ from a blank face's, and are what float computes on the faces."""
    proof = prove(
        converted.file(Kind.INT8),
        parse_tflite(converted.blank, Path("blank.tflite")),
        converted.file(Kind.FLOAT32),
        validation.faces[::40],
    )
    assert proof.verdict().outcome is Outcome.PASSED
    assert proof.moved >= proof.ranges - 2
    assert proof.covered > 0.9
    assert proof.used > 0.6


def test_ranges_of_a_model_whose_faces_were_lost(
    converted: Converted, validation: FaceSet
) -> None:
    """As when a converter ignores its representative data: the gate refuses."""
    blank = parse_tflite(converted.blank, Path("blank.tflite"))
    proof = prove(
        blank,
        blank,
        converted.file(Kind.FLOAT32),
        validation.faces[::100],
    )
    verdict = proof.verdict()
    assert verdict.outcome is Outcome.FAILED
    assert verdict.saw.startswith("0 of ")
    assert proof.covered < 0.9


def test_a_model_without_ranges(converted: Converted) -> None:
    """Nothing is proven by nothing."""
    floats = converted.file(Kind.FLOAT32)
    none = prove(
        floats,
        floats,
        floats,
        np.zeros((1, 48, 48, 1), np.uint8),
    )
    assert none.ranges == 0
    assert none.verdict().outcome is Outcome.FAILED
    assert dataclasses.asdict(none)["moved"] == 0


def test_a_layer_that_died() -> None:
    """All zero where float is not: as far from it as can be."""
    assert _cosine(4.0, 0.0, 0.0) == 0.0
    assert _cosine(0.0, 0.0, 0.0) == 1.0
    assert _cosine(4.0, 2.0, 1.0) == 1.0


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_faces(
    converted: Converted, validation: FaceSet, count: int
) -> None:
    """One is enough to compare layers."""
    assert errors_of(converted, validation.faces[:count])
