"""Validation faces of the drawn data, and a trained network in all kinds."""

from pathlib import Path

import numpy as np
import pytest

from converter_models import Converted, small_model
from fer_contract.dataset import FaceData, FaceSet
from fer_contract.preprocess import Pixels
from fer_converter.calibration import select
from fer_converter.calibration_proof import blank_face
from fer_converter.freezing import freeze
from fer_converter.quantize import Kind, to_tflite
from fer_converter.sources import Asked, open_model

LABELS = ("happy", "sad", "calm")


@pytest.fixture(scope="session")
def validation(drawn_faces: Path) -> FaceSet:
    """The drawn validation split."""
    return FaceData(drawn_faces).load("validation")


@pytest.fixture(scope="session")
def converted(run_directory: Path, validation: FaceSet) -> Converted:
    """The compact preset, trained on drawn faces, calibrated on 60 of them."""
    source = open_model(run_directory, Asked())
    frozen = freeze(source)
    faces = select(validation, 60, 0).calibration.faces
    return Converted(
        source,
        {kind: to_tflite(frozen, kind, faces) for kind in Kind},
        to_tflite(frozen, Kind.INT8, blank_face(faces)),
    )


@pytest.fixture(scope="session")
def small_keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``.keras`` file of somebody's own network: 8x8 pixels, three classes."""
    path = tmp_path_factory.mktemp("own") / "own.keras"
    small_model().save(path)
    return path


@pytest.fixture(scope="session")
def noise() -> Pixels:
    """Thirty-two pictures of 8x8 pixels: coarse patterns, and grain on them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (32, 2, 2, 1)).repeat(4, axis=1).repeat(4, axis=2)
    pixels = coarse + rng.integers(0, 56, (32, 8, 8, 1))
    return pixels.astype(np.uint8)


@pytest.fixture(scope="session")
def small_int8(small_keras: Path, noise: Pixels) -> bytes:
    """The small network in int8."""
    source = open_model(small_keras, Asked(labels=LABELS))
    return to_tflite(freeze(source), Kind.INT8, noise)
