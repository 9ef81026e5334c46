"""A finished model that answers: a run's, in float, or a bundle's, in int8."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.errors import ManifestError, ModelError, first_line
from fer_contract.labels import Labels
from fer_contract.manifest import BundleManifest, RunManifest, read_manifest
from fer_contract.preprocess import InputSpec, Pixels
from fer_contract.scores import check_probabilities, temper
from fer_contract.tflite import open_bundled
from fer_trainer.backend import start_keras

_BATCH = 512

Scores = npt.NDArray[np.float64]
Answer = Callable[[Pixels], Scores]
"""Faces uint8 (N, H, W, 1) -> probabilities (N, C), each row summing to 1."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model of a finished run or bundle."""

    name: str
    """The preset, or what events call the bundle's model."""
    labels: Labels
    input: InputSpec
    sha256: str
    answer: Answer


def open_model(place: Path) -> SavedModel:
    """Open the model of a run, or that of a bundle as the device would.

    Args:
        place: run or bundle directory.

    Raises:
        ManifestError, DigestError: neither, or damaged.
        ModelError: a file that is not the model its manifest tells of.
        FerError: a bundle, and no TFLite runtime to run it.
    """
    manifest = read_either(place)
    if isinstance(manifest, BundleManifest):
        name, answer = manifest.name, _int8(place, manifest)
    else:
        name, path = manifest.preset, place / manifest.MODEL
        answer = _network(path, manifest.input.shape, len(manifest.labels))
    return SavedModel(
        name=name,
        labels=manifest.labels,
        input=manifest.input,
        sha256=manifest.files[manifest.MODEL],
        answer=answer,
    )


def read_either(place: Path) -> RunManifest | BundleManifest:
    """Read what a run or a bundle says of itself.

    Raises:
        ManifestError, DigestError: neither, or damaged.
    """
    if place.is_file():
        raise ManifestError(
            f"{place}: is a file; the directory of a run or a bundle is wanted"
        )
    if (place / BundleManifest.MODEL).exists():
        return read_manifest(place, BundleManifest)
    return read_manifest(place, RunManifest)


def predict(path: Path, faces: FaceSet) -> Scores:
    """Load a saved network and let it answer.

    Args:
        path: ``.keras`` file.
        faces: of the size that it takes.

    Returns:
        (N, C), each row summing to 1.

    Raises:
        ModelError: no model, one of other faces or another number of labels, or one
            whose scores are no probabilities.
    """
    shape: tuple[int, ...] = faces.faces.shape[1:]
    return _network(path, shape, len(faces.labels))(faces.faces)


def _network(path: Path, shape: tuple[int, ...], classes: int) -> Answer:
    keras = start_keras()
    try:
        model = keras.saving.load_model(path, compile=False)
    # Its readers raise whatever a damaged file leads them to.
    except Exception as mistake:
        raise ModelError(
            f"{path}: not a Keras model ({first_line(mistake)})"
        ) from mistake
    wanted = (None, *shape), (None, classes)
    if (model.input_shape, model.output_shape) != wanted:
        raise ModelError(
            f"{path}: from {model.input_shape} to {model.output_shape}; "
            f"{wanted[0]} to {wanted[1]} is wanted"
        )

    def answer(faces: Pixels) -> Scores:
        answers = model.predict(faces, batch_size=_BATCH, verbose=0)
        scores = np.asarray(answers, dtype=np.float64)
        check_probabilities(scores, path)
        return scores

    return answer


def _int8(bundle: Path, manifest: BundleManifest) -> Answer:
    classifier = open_bundled(bundle, manifest)

    def answer(faces: Pixels) -> Scores:
        # A face at a time and with the manifest's temperature, as the device does.
        raw = np.array([classifier.probabilities(face) for face in faces])
        return temper(raw, manifest.temperature)

    return answer
