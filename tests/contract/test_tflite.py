"""The classifier of the device, on models that run and on files that must not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.errors import ModelError
from fer_contract.tflite import TfliteClassifier, load_runtime

pytest.importorskip("ai_edge_litert")

Write = Callable[..., Path]
_FACE = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8, 1)


def test_model_that_runs(write_model: Write, tmp_path: Path) -> None:
    """The output of the model comes back as it is, with its shape and meaning."""
    model = TfliteClassifier(write_model(tmp_path / "m.tflite", zero_point=3))

    assert model.input_shape == (8, 8, 1)
    assert model.classes == 64
    assert (model.output.scale, model.output.zero_point) == (1 / 256, 3)
    assert _FACE.ravel().tolist() == model.quantized(_FACE).tolist()
    expected = [(value - 3) / 256 for value in _FACE.ravel().tolist()]
    assert expected == model.probabilities(_FACE).tolist()


def test_one_result_kept_while_the_next_is_made(
    write_model: Write, tmp_path: Path
) -> None:
    """A result belongs to the caller: the next face does not overwrite it."""
    model = TfliteClassifier(write_model(tmp_path / "m.tflite"))

    first = model.quantized(_FACE)
    model.quantized(np.zeros_like(_FACE))

    assert _FACE.ravel().tolist() == first.tolist()


@pytest.mark.parametrize(
    "face",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 9, 1), np.uint8),
        np.zeros((1, 8, 8, 1), np.uint8),
        np.zeros((8, 8, 1), np.float32),
    ],
    ids=["no channel", "too wide", "a batch", "float32"],
)
def test_face_of_another_kind(
    face: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    write_model: Write,
    tmp_path: Path,
) -> None:
    """The error shows dtype and shape of what came and of what is wanted."""
    model = TfliteClassifier(write_model(tmp_path / "m.tflite"))

    with pytest.raises(ValueError, match="wanted") as caught:
        model.quantized(face)

    assert f"{face.dtype} {face.shape}" in str(caught.value)
    assert "(8, 8, 1)" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"shape_in": (1, 8, 8, 3), "shape_out": (1, 192)}, "input is (1, 8, 8, 3);"),
        ({"shape_in": (2, 8, 8, 1), "shape_out": (1, 128)}, "input is (2, 8, 8, 1);"),
        ({"shape_in": (1, 64)}, "input is (1, 64);"),
        ({"shape_out": (1, 8, 8)}, "output is (1, 8, 8);"),
        ({"shape_out": (64, 1)}, "output is (64, 1);"),
        ({"kind": "FLOAT32"}, "input is float32;"),
        ({"kind": "INT8"}, "input is int8;"),
        ({"inputs": 2}, "2 inputs;"),
    ],
)
def test_model_that_is_no_classifier_of_faces(
    changes: dict[str, object], complaint: str, write_model: Write, tmp_path: Path
) -> None:
    """The error names the file, what was seen and what is wanted."""
    path = write_model(tmp_path / "m.tflite", **changes)

    with pytest.raises(ModelError, match="wanted") as caught:
        TfliteClassifier(path)

    assert str(caught.value).startswith(f"{path}: {complaint}")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "mobilenet_v1_0.25_128_quant.tflite",
            "input is (1, 128, 128, 3); (1, H, W, 1) is wanted",
        ),
        (
            "keras_lstm_mnist_ptq.tflite",
            "input is (1, 28, 28); (1, H, W, 1) is wanted",
        ),
        ("split_concat.tflite", "3 inputs; exactly 1 is wanted"),
        (
            "mobilenet_v1_0.25_128_quant_edgetpu.tflite",
            "compiled for the Edge TPU; the CPU needs "
            "mobilenet_v1_0.25_128_quant.tflite",
        ),
        (
            "split_concat_edgetpu.tflite",
            "compiled for the Edge TPU; the CPU needs split_concat.tflite",
        ),
    ],
)
def test_real_model_of_another_purpose(name: str, complaint: str, shared: Path) -> None:
    """A model made elsewhere is refused with what it is."""
    path = shared / "models" / name

    with pytest.raises(ModelError) as caught:
        TfliteClassifier(path)

    assert f"{path}: {complaint}" == str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"garbage" * 99, b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + b"\xff" * 999],
    ids=["empty", "one byte", "garbage", "mark alone", "mark and garbage"],
)
def test_file_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    """Garbage ends in one line, not in a crash of the interpreter."""
    path = tmp_path / "m.tflite"
    path.write_bytes(content)

    with pytest.raises(ModelError) as caught:
        TfliteClassifier(path)

    assert str(caught.value).startswith(f"{path}: not a model that runs (")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_model_cut_off(share: float, write_model: Write, tmp_path: Path) -> None:
    """A half-copied model is an error of the model."""
    path = write_model(tmp_path / "m.tflite")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ModelError, match="not a model that runs"):
        TfliteClassifier(path)


def test_no_such_file(tmp_path: Path) -> None:
    """A missing file is named with the system's reason."""
    path = tmp_path / "none.tflite"

    with pytest.raises(ModelError) as caught:
        TfliteClassifier(path)

    assert f"{path}: No such file or directory" == str(caught.value)


def test_directory_instead_of_a_file(tmp_path: Path) -> None:
    """A directory is named with the system's reason."""
    with pytest.raises(ModelError, match="Is a directory"):
        TfliteClassifier(tmp_path)


def test_runtime_installed() -> None:
    """The runtime tells its name and version, and can interpret."""
    module, name = load_runtime()

    assert hasattr(module, "Interpreter")
    distribution, version = name.split(" ")
    assert distribution in {"ai-edge-litert", "tflite-runtime"}
    assert version[0].isdigit()
