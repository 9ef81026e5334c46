"""Drawn faces in folders and zips, and a model small enough to write by hand."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

Picture = npt.NDArray[np.uint8]
Files = dict[str, bytes]


@pytest.fixture(scope="session")
def picture() -> Callable[..., Picture]:
    """Draw a picture: ``picture(seed, height=48, width=48, channels=1)``."""

    def draw(
        seed: int, height: int = 48, width: int = 48, channels: int = 1
    ) -> Picture:
        shape = (height, width) if channels == 1 else (height, width, channels)
        rng = np.random.default_rng(seed)
        return rng.integers(0, 256, shape, dtype=np.uint8)

    return draw


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encode a picture: ``encode(pixels, ".png")``."""

    def encode(pixels: npt.NDArray[np.generic], suffix: str = ".png") -> bytes:
        done, content = cv2.imencode(suffix, np.asarray(pixels))
        assert done
        return content.tobytes()

    return encode


@pytest.fixture(scope="session")
def faces(
    picture: Callable[..., Picture], encode: Callable[..., bytes]
) -> Callable[..., Files]:
    """Draw a data set: ``faces(labels, each=2, splits=…)`` -> content by path."""

    def draw(
        labels: tuple[str, ...] = ("happy", "sad"),
        each: int = 2,
        splits: tuple[str, ...] = ("train", "validation", "test"),
    ) -> Files:
        names = [
            f"{split}/{label}/{number}.png"
            for split in splits
            for label in labels
            for number in range(each)
        ]
        return {name: encode(picture(seed)) for seed, name in enumerate(names)}

    return draw


@pytest.fixture(scope="session")
def write_folder() -> Callable[[Path, Mapping[str, bytes]], Path]:
    """Write files under a folder and return it."""

    def write(folder: Path, files: Mapping[str, bytes]) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write


@pytest.fixture(scope="session")
def write_zip() -> Callable[..., Path]:
    """Write files into a zip and return it."""

    def write(
        path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED
    ) -> Path:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture(scope="session")
def write_model() -> Callable[..., Path]:
    """Write a ``.tflite`` that does nothing but reshape its input.

    Its scores are the pixels themselves, so each test knows what must come out.
    """
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

    def write(
        path: Path,
        shape_in: tuple[int, ...] = (1, 8, 8, 1),
        shape_out: tuple[int, ...] = (1, 64),
        *,
        kind: str = "UINT8",
        scale: float = 0.00390625,
        zero_point: int = 0,
        inputs: int = 1,
    ) -> Path:
        def tensor(name: str, shape: tuple[int, ...]) -> object:
            made = schema.TensorT()
            made.name, made.shape = name, list(shape)
            made.type = getattr(schema.TensorType, kind)
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [scale]
            made.quantization.zeroPoint = [zero_point]
            return made

        reshape = schema.OperatorT()
        reshape.inputs, reshape.outputs = [0], [1]
        reshape.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
        reshape.builtinOptions = schema.ReshapeOptionsT()
        reshape.builtinOptions.newShape = list(shape_out)
        graph = schema.SubGraphT()
        graph.tensors = [tensor("face", shape_in), tensor("scores", shape_out)]
        graph.tensors += [tensor(f"more{n}", shape_in) for n in range(1, inputs)]
        graph.inputs, graph.outputs = [0, *range(2, inputs + 1)], [1]
        graph.operators = [reshape]
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes, model.subgraphs = [code], [graph]
        model.buffers = [schema.BufferT()]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path

    return write
