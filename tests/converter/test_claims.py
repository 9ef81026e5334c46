"""What the user says of a model of their own, held against what it answers."""

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_converter.backend import start_tensorflow
from fer_converter.calibration import Selection, select
from fer_converter.claims import check_pixels
from fer_converter.sources import (
    Asked,
    FloatModel,
    PixelRange,
    given_pixels,
    open_model,
)
from processes import run_forked

_LABELS = ("happy", "neutral", "sad", "surprise")


@pytest.fixture(scope="module")
def of_shares(run_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained network as if its pixels had been divided by 255 before training."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((48, 48, 1))
    trained = keras.models.load_model(run_directory / "model.keras")
    outputs = trained(keras.layers.Rescaling(255.0)(inputs))
    path = tmp_path_factory.mktemp("shares") / "own.keras"
    keras.Model(inputs, outputs).save(path)
    return path


@pytest.fixture(scope="module")
def parts(validation: FaceSet) -> Selection:
    """The drawn faces that judge."""
    return select(validation, 60, 0)


def _convert(
    model: Path, out: Path, data: Path, *more: str
) -> "subprocess.CompletedProcess[str]":
    return run_forked(
        "fer-convert", "--int8", model, "-o", out, "--data", data, "--no-timing", *more
    )


def test_range_not_said(of_shares: Path, drawn_faces: Path, tmp_path: Path) -> None:
    """Exit 2, and the range in which the model knows the faces."""
    done = _convert(
        of_shares, tmp_path / "b", drawn_faces, "--labels", ",".join(_LABELS)
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"fer-convert: --pixels: {of_shares} is right on ")
    assert line.endswith(" as 0..1; say which it was trained on")
    assert list(tmp_path.iterdir()) == []


def test_range_said(of_shares: Path, drawn_faces: Path, tmp_path: Path) -> None:
    """It is converted; labels may be written with spaces after the commas."""
    done = _convert(
        of_shares, tmp_path / "bundle", drawn_faces,
        "--labels", ", ".join(_LABELS), "--pixels", "0..1",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "bundle" / "manifest.json").is_file()


def _check(model: FloatModel, parts: Selection) -> None:
    check_pixels(model, model.probabilities(parts.parity.faces), parts)


def test_each_range(run_directory: Path, parts: Selection) -> None:
    """Pixels as they are pass without a word; of the others each is found."""
    bytes_wanted = open_model(run_directory / "model.keras", Asked(labels=_LABELS))
    _check(bytes_wanted, parts)

    def signed_wanted(pixels: Any) -> Any:
        return bytes_wanted.call((pixels + 1) * 127.5)

    own = dataclasses.replace(bytes_wanted, call=signed_wanted)
    with pytest.raises(DataError, match=r" as 0\.\.255, and on .* as -1\.\.1; say"):
        _check(own, parts)
    _check(given_pixels(own, PixelRange.SIGNED), parts)


def test_model_that_guesses(small_keras: Path, parts: Selection) -> None:
    """One that knows no face in any range is no reason to complain of the range."""
    keras, _ = start_tensorflow()
    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1))
    features = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(4, activation="softmax")(features)
    path = small_keras.with_name("guesses.keras")
    keras.Model(inputs, outputs).save(path)
    model = open_model(path, Asked(labels=_LABELS))
    assert np.unique(parts.parity.classes).size == 4
    _check(model, parts)
