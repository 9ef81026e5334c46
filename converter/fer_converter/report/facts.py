"""Everything that a report tells, and its form as JSON."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.manifest import BundleManifest
from fer_contract.preprocess import Pixels
from fer_converter.calibration_proof import CalibrationProof
from fer_converter.certainty import Certainty
from fer_converter.edgetpu.target import EdgeTpu
from fer_converter.latency import Latency
from fer_converter.layers import LayerError, guilty
from fer_converter.parity import Parity, proportion
from fer_converter.quantize import Kind
from fer_converter.tflite_file import TfliteFile
from fer_converter.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class ComparedKind:
    """One ``.tflite`` file beside the float model, on the same faces."""

    kind: Kind
    size: int
    """Bytes."""
    operators: int
    faces: int
    right: int
    agree: int
    """Faces on which it names the same class as the float model."""
    difference: float
    """Largest of any probability, 0 to 1."""

    @classmethod
    def of(
        cls,
        file: TfliteFile,
        kind: Kind,
        scores: npt.NDArray[np.float64],
        float_scores: npt.NDArray[np.float64],
        classes: npt.NDArray[np.int64],
    ) -> "ComparedKind":
        """Count.

        Args:
            file: the model.
            kind: what it is.
            scores: (N, C), its own.
            float_scores: (N, C), of the float model.
            classes: (N,), the truth.
        """
        named = scores.argmax(axis=1)
        return cls(
            kind=kind,
            size=file.size,
            operators=len(file.operators),
            faces=len(classes),
            right=int((named == classes).sum()),
            agree=int((named == float_scores.argmax(axis=1)).sum()),
            difference=float(np.abs(scores - float_scores).max()),
        )

    def facts(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "kind": str(self.kind),
            "bytes": self.size,
            "operators": self.operators,
            "accuracy": proportion(self.right, self.faces),
            "agreement": proportion(self.agree, self.faces),
            "largest_difference": self.difference,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a conversion found."""

    manifest: BundleManifest
    """Without digests."""
    verdicts: tuple[Verdict, ...]
    """That decide about the bundle."""
    kinds: tuple[ComparedKind, ...]
    weight_bytes: int
    """Of the float model's weights as float32."""
    multiplications: int
    """Multiply-accumulate operations a face."""
    digest: str
    """SHA-256 of the int8 file, in hexadecimal."""
    parity: Parity
    certainty: Certainty
    layers: tuple[LayerError, ...]
    proof: CalibrationProof
    latency: Latency | None
    faces: Pixels
    """uint8 (F, H, W, 1), those of the flips, in their order."""
    names: tuple[str, ...]
    """Of these faces."""
    edgetpu: EdgeTpu

    @property
    def passed(self) -> bool:
        """Whether there is a bundle."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def undecided(self) -> bool:
        """Whether a gate had too few faces."""
        return any(verdict.outcome is Outcome.UNDECIDED for verdict in self.verdicts)

    @property
    def guilty(self) -> LayerError | None:
        """Layer that loses most."""
        return guilty(self.layers)

    @property
    def int8(self) -> ComparedKind:
        """The file that the device runs."""
        return next(part for part in self.kinds if part.kind is Kind.INT8)

    @property
    def better_than_a_guess(self) -> bool:
        """Whether the float model beats always naming the most frequent class."""
        most = max(part.faces for part in self.parity.classes)
        low = proportion(self.parity.float_right, self.parity.faces)["interval_95"][0]
        return bool(low > most / self.parity.faces)

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON."""
        guilty_layer = self.guilty
        return {
            "passed": self.passed,
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts],
            "kinds": [part.facts() for part in self.kinds],
            "float_weight_bytes": self.weight_bytes,
            "multiplications": self.multiplications,
            "int8_sha256": self.digest,
            "flips": [
                {"file": name, **dataclasses.asdict(flip)}
                for name, flip in zip(self.names, self.parity.flips, strict=True)
            ],
            "certainty": self.certainty.facts(),
            "layers": [part.facts() for part in self.layers],
            "guilty_layer": guilty_layer and guilty_layer.facts(),
            "edgetpu": self.edgetpu.facts(),
            "latency": self.latency and self.latency.facts(),
            "manifest": dataclasses.asdict(
                dataclasses.replace(self.manifest, files={})
            ),
        }
