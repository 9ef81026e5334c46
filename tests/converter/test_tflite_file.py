"""What is read out of a ``.tflite`` file, and out of what is left of one."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter_models import Converted
from fer_contract.errors import ModelError
from fer_converter.inspection import judge
from fer_converter.quantize import Kind
from fer_converter.tflite_file import parse_tflite, read_tflite


def test_a_published_model(shared: Path) -> None:
    """MobileNet v1 0.25 for 128 pixels: 14 million multiplications, 470,000 weights."""
    model = read_tflite(shared / "models" / "mobilenet_v1_0.25_128_quant.tflite")
    assert len(model.operators) == 31
    assert model.multiplications == pytest.approx(14e6, rel=0.05)
    assert model.parameter_bytes == pytest.approx(480_000, rel=0.02)
    assert [part.shape for part in model.inputs] == [(1, 128, 128, 3)]
    assert not model.compiled


@pytest.mark.parametrize(
    "name", ["split_concat", "keras_lstm_mnist_ptq", "mobilenet_v1_0.25_128_quant"]
)
def test_files_that_google_compiled(shared: Path, name: str) -> None:
    """Each is recognised, and its plain twin is not taken for one."""
    folder = shared / "models"
    assert read_tflite(folder / f"{name}_edgetpu.tflite").compiled
    assert not read_tflite(folder / f"{name}.tflite").compiled


def test_multiplications_of_the_compact_preset(converted: Converted) -> None:
    """As ``fer-train presets`` counts them from the layers."""
    from fer_contract.preprocess import InputSpec
    from fer_trainer.presets import PRESETS
    from fer_trainer.presets.cost import cost_of

    counted = cost_of(PRESETS["compact"].build(InputSpec(), 4)).macs
    assert converted.file(Kind.INT8).multiplications == counted
    assert converted.file(Kind.FLOAT32).multiplications == counted


def test_ranges_of_activations(converted: Converted) -> None:
    """A softmax's is 0 to 1; weights have none, for each filter has its own."""
    model = converted.file(Kind.INT8)
    softmax = next(op for op in model.operators if op.name == "SOFTMAX")
    low, high = softmax.outputs[0].range or (9.0, 9.0)
    assert [low, high] == pytest.approx([0, 255 / 256])
    convolution = next(op for op in model.operators if op.name == "CONV_2D")
    assert convolution.inputs[1].range is None
    assert convolution.inputs[1].constant
    assert convolution.inputs[1].values.shape == convolution.inputs[1].shape


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0\0\0\0TFL3", b"PK\3\4zip"])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    """One line that names it."""
    path = tmp_path / "a.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"^{path}: "):
        read_tflite(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One line that names it."""
    with pytest.raises(ModelError, match=r"a\.tflite: No such file"):
        read_tflite(tmp_path / "a.tflite")


def test_half_a_file(small_int8: bytes, tmp_path: Path) -> None:
    """Named as truncated, with its size."""
    path = tmp_path / "half.tflite"
    path.write_bytes(small_int8[: len(small_int8) // 2])
    with pytest.raises(ModelError, match=r"half\.tflite: truncated or damaged \(\d+ b"):
        read_tflite(path)


@settings(max_examples=150)
@given(st.data())
def test_a_truncated_file(small_int8: bytes, data: st.DataObject) -> None:
    """Wherever it ends, nothing but our own error is raised."""
    length = data.draw(st.integers(8, len(small_int8) - 1))
    with contextlib.suppress(ModelError):
        parse_tflite(small_int8[:length], Path("cut.tflite"))


@settings(max_examples=150)
@given(st.data())
def test_a_file_with_one_other_byte(small_int8: bytes, data: st.DataObject) -> None:
    """It is read and judged, or refused; nothing else is raised."""
    place = data.draw(st.integers(8, len(small_int8) - 1))
    value = data.draw(st.integers(0, 255))
    content = small_int8[:place] + bytes([value]) + small_int8[place + 1 :]
    with contextlib.suppress(ModelError):
        judge(parse_tflite(content, Path("damaged.tflite")))
