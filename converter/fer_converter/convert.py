"""One conversion from end to end: quantize, compare, judge, and bundle or refuse."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.dataset import FaceData
from fer_contract.golden import make_golden
from fer_contract.manifest import BundleManifest, write_manifest
from fer_contract.metrics import Numbers
from fer_contract.tflite import TfliteClassifier
from fer_converter.backend import versions
from fer_converter.calibration import Selection, select
from fer_converter.calibration_proof import CalibrationProof, blank_face, prove
from fer_converter.certainty import certainty
from fer_converter.claims import check_order, check_pixels
from fer_converter.compensation import compensate
from fer_converter.edgetpu.target import EdgeTpu, aim_at_edgetpu, only_predict
from fer_converter.freezing import freeze
from fer_converter.gates import Gates, float_parity, judge
from fer_converter.interpreters import FloatTflite, probabilities
from fer_converter.latency import Latency, measure
from fer_converter.layers import LayerError, layer_errors
from fer_converter.parity import compare
from fer_converter.quantize import Kind, to_tflite
from fer_converter.report.facts import ComparedKind, Report
from fer_converter.report.write import write_report
from fer_converter.rounding import Rounding
from fer_converter.rules import DEVICE_RULES, check
from fer_converter.sources import Asked, FloatModel, open_model
from fer_converter.staging import REPORTS, Staging
from fer_converter.tflite_file import TfliteFile, parse_tflite

_LONGEST_STEM = 55
"""Of a model's name: 64 characters less a dash and eight of the digest."""

_INSPECTED_FACES = 32
"""For what is measured tensor by tensor, without the fast kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to convert, on which faces, and what it may cost."""

    model: Path
    """Run directory, ``.keras`` file or SavedModel directory."""
    asked: Asked
    data: Path
    """Zip or folder with the split ``validation``."""
    bundle: Path
    """Directory to make."""
    compared: tuple[Kind, ...]
    """Made, measured and kept beside int8."""
    gates: Gates
    calibration_faces: int
    seed: int
    rounding: Rounding
    """Of int8 weights."""
    name: str | None
    """What events call the model; its network and digest if None."""
    threshold: float
    """A score below this is reported as ``uncertain``; 0 to 1."""
    edgetpu: bool
    """Whether it must run on the Edge TPU, all of it."""
    compiler_seconds: int
    """That the Edge TPU compiler may take."""
    timing: bool
    """Whether to measure latency, which no two runs have in common."""
    pictures: bool
    """Whether the report shows faces, which not every data set's licence allows."""
    force: bool
    """Replace a bundle that is there."""
    skip_unreadable: bool
    """Leave broken images out instead of refusing the data."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    report: Report
    directory: Path
    """The bundle, or the directory with the report alone if it was refused."""


@dataclass(frozen=True, slots=True)
class _Made:
    """The ``.tflite`` files of one graph."""

    files: Mapping[Kind, TfliteFile]
    uncalibrated: TfliteFile
    """Int8, but calibrated on a blank face."""
    int8: TfliteClassifier
    """As the device opens it."""
    rounding: Mapping[str, Any]
    """How its weights were chosen, for the manifest."""


def convert(plan: Plan, say: Callable[[str], None]) -> Result:
    """Quantize a model to int8 and bundle it if every gate and rule passes.

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
    say(f"reading {plan.model}")
    trained = open_model(plan.model, plan.asked)
    data = FaceData(
        plan.data, trained.labels, trained.input, skip_unreadable=plan.skip_unreadable
    )
    parts = select(data.load("validation"), plan.calibration_faces, plan.seed)
    float_scores = trained.probabilities(parts.parity.faces)
    if plan.asked.labels is not None:  # of a run, the manifest proves all that
        check_order(trained, float_scores, parts)
        if plan.asked.pixel_range is None:
            check_pixels(trained, float_scores, parts)

    with staging:
        say(f"quantizing, calibrated on {len(parts.calibration)} validation faces")
        made = _make(plan, trained, parts, staging.directory)
        report = _examine(plan, trained, parts, float_scores, made, say)
        if Kind.FLOAT32 not in plan.compared:
            made.files[Kind.FLOAT32].path.unlink()
        write_report(report, staging.directory, pictures=plan.pictures)
        if not report.passed:
            for path in staging.directory.iterdir():
                if path.name not in REPORTS:
                    path.unlink()
            return Result(report, staging.refuse())

        plain = TfliteClassifier(made.files[Kind.INT8].path, plain=True)
        golden = make_golden(
            trained.input, made.int8.quantized, plain.quantized, plain.runtime
        )
        golden.save(staging.directory / BundleManifest.GOLDEN)
        files = sorted(path.name for path in staging.directory.iterdir())
        write_manifest(staging.directory, report.manifest, files)
        staging.finish()
        return Result(report, plan.bundle)


def _make(plan: Plan, trained: FloatModel, parts: Selection, directory: Path) -> _Made:
    """Write float32, to compare with, and int8, and what else was asked for."""
    frozen = freeze(trained)
    faces = parts.calibration.faces
    files: dict[Kind, TfliteFile] = {}

    def write(kind: Kind, content: bytes) -> None:
        path = directory / f"model_{kind}.tflite"
        path.write_bytes(content)
        files[kind] = parse_tflite(content, path)

    for kind in dict.fromkeys((Kind.FLOAT32, *plan.compared)):
        write(kind, to_tflite(frozen, kind))
    write(Kind.INT8, to_tflite(frozen, Kind.INT8, faces))
    rounding: dict[str, Any] = {"method": str(plan.rounding)}
    if plan.rounding is Rounding.COMPENSATED:
        done = compensate(files[Kind.INT8], files[Kind.FLOAT32], faces)
        write(Kind.INT8, done.content)
        rounding |= {"layers": done.compensated, "of": done.layers}
    blank = to_tflite(frozen, Kind.INT8, blank_face(faces))
    return _Made(
        files=files,
        uncalibrated=parse_tflite(blank, Path("uncalibrated.tflite")),
        int8=TfliteClassifier(files[Kind.INT8].path),
        rounding=rounding,
    )


def _examine(
    plan: Plan,
    trained: FloatModel,
    parts: Selection,
    float_scores: Numbers,
    made: _Made,
    say: Callable[[str], None],
) -> Report:
    """Measure everything that the report tells."""
    say(f"comparing on the other {len(parts.parity)} validation faces")
    faces, classes = parts.parity.faces, parts.parity.classes
    models: dict[Kind, Any] = {
        kind: made.int8 if kind is Kind.INT8 else FloatTflite(file.content)
        for kind, file in made.files.items()
    }
    scores = {kind: probabilities(model, faces) for kind, model in models.items()}
    parity = compare(float_scores, scores[Kind.INT8], classes, trained.labels)
    sure = certainty(float_scores, scores[Kind.INT8], classes, plan.threshold)
    proof = _prove(made, parts)
    difference = float(np.abs(scores[Kind.FLOAT32] - float_scores).max())
    layers = _layers(made, parts)
    latency = _latency(models, parts) if plan.timing else None
    int8_file = made.files[Kind.INT8]
    say("looking at what the Edge TPU would run")
    edgetpu = _edgetpu(plan, int8_file)
    manifest = BundleManifest(
        name=plan.name or f"{trained.name[:_LONGEST_STEM]}-{int8_file.digest[:8]}",
        labels=trained.labels,
        input=trained.input,
        temperature=sure.temperature,
        threshold=plan.threshold,
        training=trained.training,
        calibration={
            **parts.facts(),
            "rounding": made.rounding,
            "proof": proof.facts(),
        },
        parity={
            **parity.facts(),
            "float32_difference": difference,
            "calibration_error": sure.facts()["calibration_error"],
            "gates": dataclasses.asdict(plan.gates),
        },
        versions=versions(),
    )
    return Report(
        manifest=manifest,
        verdicts=(
            *judge(parity, plan.gates),
            float_parity(difference),
            proof.verdict(),
            *check(int8_file, DEVICE_RULES),
            *edgetpu.verdicts,
        ),
        kinds=tuple(
            ComparedKind.of(file, kind, scores[kind], float_scores, classes)
            for kind, file in made.files.items()
        ),
        weight_bytes=trained.weight_bytes,
        multiplications=int8_file.multiplications,
        digest=int8_file.digest,
        parity=parity,
        certainty=sure,
        layers=layers,
        proof=proof,
        latency=latency,
        faces=faces[[flip.face for flip in parity.flips]],
        names=tuple(parts.parity.names[flip.face] for flip in parity.flips),
        edgetpu=edgetpu,
    )


def _prove(made: _Made, parts: Selection) -> CalibrationProof:
    every = max(1, len(parts.calibration) // _INSPECTED_FACES)
    return prove(
        made.files[Kind.INT8],
        made.uncalibrated,
        made.files[Kind.FLOAT32],
        parts.calibration.faces[::every],
    )


def _layers(made: _Made, parts: Selection) -> tuple[LayerError, ...]:
    every = max(1, len(parts.parity) // _INSPECTED_FACES)
    return layer_errors(
        made.files[Kind.FLOAT32],
        made.files[Kind.INT8],
        parts.parity.faces[::every],
    )


def _latency(models: Mapping[Kind, Any], parts: Selection) -> Latency:
    timed = {str(kind): model.probabilities for kind, model in models.items()}
    return measure(timed, parts.parity.faces)


def _edgetpu(plan: Plan, model: TfliteFile) -> EdgeTpu:
    if not plan.edgetpu:
        return only_predict(model)
    return aim_at_edgetpu(model, plan.bundle, timeout_seconds=plan.compiler_seconds)
