"""One conversion from end to end: quantize, compare, judge, and bundle or refuse."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.dataset import FaceData
from fer_contract.golden import make_golden
from fer_contract.manifest import (
    BundleManifest,
    RunManifest,
    read_manifest,
    sha256,
    write_manifest,
)
from fer_contract.tflite import TfliteClassifier
from fer_converter.calibration import select
from fer_converter.parity import Gates, Outcome, Parity, Verdict, compare, judge
from fer_converter.quantize import FloatModel, versions
from fer_converter.report import Report, write_report
from fer_converter.staging import Staging


@dataclass(frozen=True, slots=True)
class Plan:
    """What to convert, on which faces, and what it may cost."""

    run: Path
    """Run directory of the trainer."""
    data: Path
    """Zip or folder with the split ``validation``."""
    bundle: Path
    """Directory to make."""
    gates: Gates
    calibration_faces: int
    seed: int
    name: str | None
    """What events call the model; its preset and digest if None."""
    force: bool
    """Replace a bundle that is there."""
    skip_unreadable: bool
    """Leave broken images out instead of refusing the data."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    parity: Parity
    verdicts: tuple[Verdict, ...]
    directory: Path
    """The bundle, or the directory with the report alone if it was refused."""
    model_bytes: int

    @property
    def passed(self) -> bool:
        """Whether there is a bundle."""
        return all(verdict.outcome is Outcome.PASSED for verdict in self.verdicts)


def convert(plan: Plan, say: Callable[[str], None]) -> Result:
    """Quantize a run's model to int8 and bundle it if every gate passes.

    Nothing half-done is left: the bundle is made beside its place and moved there
    when it is whole. After a refusal the place is as it was, and beside it lies
    ``<bundle>.refused`` with the report that says why.

    Args:
        plan: what to do.
        say: told of each step before it starts, a short line.

    Returns:
        Figures and verdicts; the caller decides what a refusal means.

    Raises:
        ManifestError, DigestError: the run is unfinished or damaged.
        DataError: faces that cannot be used, of other labels, or a place in use.
        ModelError: a model that does not fit its manifest or cannot be quantized.
        OSError: the bundle cannot be written.
    """
    staging = Staging(plan.bundle, force=plan.force)
    say(f"reading {plan.run}")
    run = read_manifest(plan.run, RunManifest)
    data = FaceData(
        plan.data, run.labels, run.input, skip_unreadable=plan.skip_unreadable
    )
    parts = select(data.load("validation"), plan.calibration_faces, plan.seed)
    with staging:
        say(f"quantizing, calibrated on {len(parts.calibration)} validation faces")
        trained = FloatModel(plan.run / RunManifest.MODEL, run.input, run.labels)
        model = staging.directory / BundleManifest.MODEL
        model.write_bytes(trained.quantized(parts.calibration.faces))
        quantized = TfliteClassifier(model)

        say(f"comparing on the other {len(parts.parity)} validation faces")
        faces = parts.parity
        parity = compare(
            trained.probabilities(faces.faces),
            np.stack([quantized.probabilities(face) for face in faces.faces]),
            faces.classes,
            run.labels,
        )
        verdicts = judge(parity, plan.gates)

        digest = sha256(model)
        manifest = BundleManifest(
            name=plan.name or f"{run.preset}-{digest[:8]}",
            labels=run.labels,
            input=run.input,
            training=_training_facts(run),
            calibration=parts.facts(),
            parity=parity.facts() | {"gates": dataclasses.asdict(plan.gates)},
            versions=versions(),
        )
        report = Report(
            manifest=manifest,
            parity=parity,
            verdicts=verdicts,
            float_bytes=trained.weight_bytes,
            int8_bytes=model.stat().st_size,
            int8_digest=digest,
        )
        write_report(report, staging.directory)
        result = Result(parity, verdicts, plan.bundle, report.int8_bytes)
        if not result.passed:
            model.unlink()
            return dataclasses.replace(result, directory=staging.refuse())

        golden = make_golden(run.input, quantized.quantized, quantized.runtime)
        golden.save(staging.directory / BundleManifest.GOLDEN)
        files = sorted(path.name for path in staging.directory.iterdir())
        write_manifest(staging.directory, manifest, files)
        staging.finish()
        return result


def _training_facts(run: RunManifest) -> dict[str, Any]:
    return {
        "preset": run.preset,
        "seed": run.seed,
        "data": run.data,
        "versions": run.versions,
        "model_sha256": run.files[RunManifest.MODEL],
        **run.training,
    }
