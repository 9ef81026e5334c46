"""A bundle's model on the processor, trusted only after its self-test."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_contract.golden import Golden
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import Pixels
from fer_contract.scores import tempered_weights
from fer_contract.tflite import open_bundled
from fer_edge.classifiers import ClassifierState, Device


class CpuClassifier:
    """A bundle's int8 model on the processor.

    Args:
        bundle: directory that ``fer-convert`` made.
        threads: for one face.

    Raises:
        ManifestError, DigestError: the bundle is unfinished or damaged.
        ModelError: the model does not fit its manifest.
        RefusedError: pixels or outputs differ from the golden vectors.
    """

    def __init__(self, bundle: Path, threads: int = 1) -> None:
        manifest = read_manifest(bundle, BundleManifest)
        model = open_bundled(bundle, manifest, threads)
        golden_path = bundle / manifest.GOLDEN
        golden = Golden.load(golden_path)
        golden.check(manifest.input, model.quantized, model.runtime, str(golden_path))
        self.bundle = bundle
        self.manifest = manifest
        self.golden = golden
        self.model = model
        self.name = manifest.name
        self.input = manifest.input
        self.labels = manifest.labels
        self.threshold = manifest.threshold
        self.runtime = model.runtime
        self.reason = ""
        """Why it is not an Edge TPU that answers, where one was asked for."""
        self._weights = tempered_weights(model.output, manifest.temperature)
        self._since = time.monotonic()

    @property
    def state(self) -> ClassifierState:
        """What answers now: the processor."""
        return ClassifierState(Device.CPU, self._since, self.reason)

    def scores(self, face: Pixels) -> Mapping[str, float]:
        """Return a score a label, 0 to 1, summing to 1."""
        return self.meaning(self.model.quantized(face))

    def meaning(self, outputs: npt.NDArray[np.uint8]) -> Mapping[str, float]:
        """Return the scores that quantized outputs, uint8 (C,), stand for."""
        weights = [self._weights[step] for step in outputs.tolist()]
        total = sum(weights)
        return {
            label: weight / total
            for label, weight in zip(self.labels, weights, strict=True)
        }

    def close(self) -> None:
        """Nothing is held."""
