"""What a face shows: the bundle's model, trusted only after its self-test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from fer_contract.errors import ModelError
from fer_contract.golden import Golden
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import InputSpec, Pixels
from fer_contract.scores import temper
from fer_contract.tflite import TfliteClassifier


class Classifier(Protocol):
    """Scores faces."""

    name: str
    """What events call the model."""
    input: InputSpec
    threshold: float
    """Below it a score is uncertain, says the converter; 0 to 1."""

    def scores(self, face: Pixels) -> Mapping[str, float]:
        """Return a score a label, 0 to 1, summing to 1.

        Args:
            face: uint8 (H, W, 1), 0-255, as ``crop_face`` cuts it for ``input``.
        """


class CpuClassifier:
    """A bundle's int8 model on the processor.

    Args:
        bundle: directory that ``fer-convert`` made.

    Raises:
        ManifestError, DigestError: the bundle is unfinished or damaged.
        ModelError: the model does not fit its manifest.
        RefusedError: pixels or outputs differ from the golden vectors.
    """

    def __init__(self, bundle: Path) -> None:
        manifest = read_manifest(bundle, BundleManifest)
        path = bundle / manifest.MODEL
        model = TfliteClassifier(path)
        if model.input_shape != manifest.input.shape:
            raise ModelError(
                f"{path}: input is {model.input_shape}; manifest.json says "
                f"{manifest.input.shape}"
            )
        if model.classes != len(manifest.labels):
            raise ModelError(
                f"{path}: {model.classes} outputs; manifest.json has "
                f"{len(manifest.labels)} labels"
            )
        golden_path = bundle / manifest.GOLDEN
        golden = Golden.load(golden_path)
        golden.check(manifest.input, model.quantized, model.runtime, str(golden_path))
        self.name = manifest.name
        self.input = manifest.input
        self.threshold = manifest.threshold
        self.runtime = model.runtime
        self._labels = manifest.labels
        self._temperature = manifest.temperature
        self._model = model

    def scores(self, face: Pixels) -> Mapping[str, float]:
        """Return a score a label, 0 to 1, summing to 1."""
        tempered = temper(self._model.probabilities(face), self._temperature)
        return dict(zip(self._labels, tempered.tolist(), strict=True))
