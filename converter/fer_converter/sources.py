"""Where a float model comes from: a run directory, a ``.keras`` file, a SavedModel."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError, ManifestError, ModelError, first_line
from fer_contract.labels import Labels
from fer_contract.manifest import MANIFEST_NAME, RunManifest, read_manifest, sha256
from fer_contract.preprocess import InputSpec, Pixels
from fer_contract.scores import check_probabilities
from fer_converter.backend import start_tensorflow
from fer_converter.networks import Network, load_keras, load_saved_model

_BATCH = 256
_WANTED_INPUT = "(batch, height, width, 1 or 3) is wanted"


class PixelRange(StrEnum):
    """Which numbers a model wants its pixels as; the device always sends 0 to 255."""

    BYTE = "0..255"
    UNIT = "0..1"
    SIGNED = "-1..1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What only the user knows of a model that no manifest describes."""

    labels: Labels | None = None
    """Classes in the order of the outputs."""
    pixel_range: PixelRange | None = None
    margin: float | None = None
    """Of the face's square; see ``InputSpec``."""


@dataclass(frozen=True, slots=True)
class FloatModel:
    """A trained model that takes grey pixels, 0 to 255, and gives probabilities."""

    path: Path
    labels: Labels
    input: InputSpec
    name: str
    """Of the network: the preset, or the file."""
    training: Mapping[str, Any]
    """What is known of its origin, as JSON."""
    call: Callable[[Any], Any]
    """TensorFlow: float32 (N, H, W, 1), 0-255 -> float32 (N, C)."""
    batch: int | None
    """Number of faces that ``call`` takes, if it takes no other."""
    weight_bytes: int
    """Of all weights as float32."""
    keeps: Any = field(repr=False, default=None)
    """What ``call`` needs to live."""

    def probabilities(self, faces: Pixels) -> npt.NDArray[np.float64]:
        """Classify faces: uint8 (N, H, W, 1) -> float64 (N, C), 0 to 1.

        Raises:
            ModelError: it cannot be run, or its scores are no probabilities.
        """
        _, tf = start_tensorflow()
        step = self.batch or _BATCH
        call = tf.function(self.call, reduce_retracing=True)
        try:
            parts = [
                call(tf.constant(faces[at : at + step], tf.float32)).numpy()
                for at in range(0, len(faces), step)
            ]
        # A model is somebody's program, and raises what it likes.
        except Exception as mistake:
            raise ModelError(
                f"{self.path}: cannot be run ({first_line(mistake)})"
            ) from mistake
        scores = np.concatenate(parts).astype(np.float64)
        check_probabilities(scores, self.path)
        return scores


def open_model(path: Path, asked: Asked) -> FloatModel:
    """Open a trained model of any form.

    Args:
        path: run directory, ``.keras`` file or SavedModel directory.
        asked: for a model without a manifest; a run's own says all of it.

    Raises:
        ManifestError, DigestError: a run that is unfinished or damaged.
        ModelError: no model, one of another input or output, or one whose weights are
            not finite.
        FerError: something asked that the run's manifest says, or not said.
    """
    if not path.exists():
        raise ManifestError(f"{path}: no such file or directory")
    if (path / MANIFEST_NAME).exists():
        return _open_run(path, asked)
    if path.is_dir():
        if not (path / "saved_model.pb").exists():
            raise ManifestError(
                f"{path}: neither {MANIFEST_NAME} nor saved_model.pb in it, so this is "
                "no finished run and no SavedModel"
            )
        digest = sha256(path / "saved_model.pb")
        return _bare(path, asked, load_saved_model(path), digest)
    return _bare(path, asked, load_keras(path), sha256(path))


def _open_run(path: Path, asked: Asked) -> FloatModel:
    for value, option in (
        (asked.labels, "--labels"),
        (asked.pixel_range, "--pixels"),
        (asked.margin, "--margin"),
    ):
        if value is not None:
            raise FerError(f"{option}: {path} is a run, and its manifest says it")
    run = read_manifest(path, RunManifest)
    file = path / RunManifest.MODEL
    found = load_keras(file)
    if found.source != (None, *run.input.shape):
        raise ModelError(
            f"{file}: input is {found.source}; the manifest says "
            f"{(None, *run.input.shape)}"
        )
    _check_output(file, found.target, run.labels, "the manifest has")
    return FloatModel(
        path=path,
        labels=run.labels,
        input=run.input,
        name=run.preset,
        training={
            "preset": run.preset,
            "seed": run.seed,
            "data": run.data,
            "versions": run.versions,
            "model_sha256": run.files[RunManifest.MODEL],
            **run.training,
        },
        call=found.call,
        batch=None,
        weight_bytes=found.weight_bytes,
        keeps=found.keeps,
    )


def _bare(path: Path, asked: Asked, found: Network, digest: str) -> FloatModel:
    """Describe a model that comes without a manifest."""
    if asked.labels is None:
        raise FerError(
            f"--labels: {path} has no manifest; name its classes in the order of its "
            "outputs, with commas"
        )
    if len(found.source) != 4:
        raise ModelError(f"{path}: input is {found.source}; {_WANTED_INPUT}")
    batch, height, width, channels = found.source
    if height is None or width is None or channels not in (1, 3):
        raise ModelError(f"{path}: input is {found.source}; {_WANTED_INPUT}")
    _check_output(path, found.target, asked.labels, "--labels names")
    pixel_range = asked.pixel_range or PixelRange.BYTE
    margin = InputSpec().margin if asked.margin is None else asked.margin
    return FloatModel(
        path=path,
        labels=asked.labels,
        input=InputSpec(height, width, margin),
        name=_as_name(path.resolve().name.removesuffix(".keras")),
        training={
            "model_sha256": digest,
            "pixels": str(pixel_range),
            "channels": channels,
        },
        call=_from_grey_bytes(found.call, pixel_range, channels),
        batch=batch,
        weight_bytes=found.weight_bytes,
        keeps=found.keeps,
    )


def given_pixels(model: FloatModel, pixel_range: PixelRange) -> FloatModel:
    """Return a model that gets as another range what it gets as bytes."""
    call = _from_grey_bytes(model.call, pixel_range, channels=1)
    return dataclasses.replace(model, call=call)


def _as_name(text: str) -> str:
    """Make a model's name of a file's: events, topics and files hold it."""
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return kept or "model"


def _from_grey_bytes(
    call: Callable[[Any], Any], pixel_range: PixelRange, channels: int
) -> Callable[[Any], Any]:
    """Put what a model does to its pixels into its graph: the device sends bytes."""
    _, tf = start_tensorflow()

    def wrapped(pixels: Any) -> Any:
        if pixel_range is PixelRange.UNIT:
            pixels = pixels * np.float32(1 / 255)
        elif pixel_range is PixelRange.SIGNED:
            pixels = pixels * np.float32(2 / 255) - np.float32(1)
        if channels == 3:
            pixels = tf.concat([pixels, pixels, pixels], axis=-1)
        return call(pixels)

    return wrapped


def _check_output(path: Path, shape: tuple[Any, ...], labels: Labels, who: str) -> None:
    if len(shape) != 2 or shape[1] != len(labels):
        raise ModelError(f"{path}: output is {shape}; {who} {len(labels)} labels")
