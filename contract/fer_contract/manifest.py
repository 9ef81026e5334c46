"""``manifest.json``: what a run directory and a bundle directory say of themselves.

A run directory is what the trainer hands to the converter, a bundle directory what
the converter hands to the device. Both are complete when their manifest is there: it
is written last, and holds the SHA-256 of every file that matters and of itself.

A schema number changes only when an older reader would misunderstand. What is merely
added gets a default, and a new number; runs and bundles of all older numbers load.
"""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from fer_contract.errors import DigestError, ManifestError
from fer_contract.labels import Labels, check_labels
from fer_contract.preprocess import InputSpec

MANIFEST_NAME = "manifest.json"
SCHEMA = 1

FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
"""A name in the same directory and nothing else: no separator, no leading dot."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

Facts = Mapping[str, Any]
"""JSON that people and reports read, and that no decision depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """What the trainer knows of a trained model."""

    KIND: ClassVar[str] = "run"
    MODEL: ClassVar[str] = "model.keras"
    REQUIRED: ClassVar[tuple[str, ...]] = (MODEL,)

    labels: Labels
    input: InputSpec
    preset: str
    """Network the model was built as, a name that ``fer-train presets`` prints."""
    seed: int
    data: Facts = field(default_factory=dict)
    """Source, and a split: count, faces a class, digest."""
    training: Facts = field(default_factory=dict)
    """Recipe, epochs, and the accuracy of the saved model."""
    versions: Facts = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 in lower-case hexadecimal, keyed by file name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """What the device needs to know of a model beside the model itself.

    Scale and zero point are not here: the ``.tflite`` owns them.
    """

    KIND: ClassVar[str] = "bundle"
    MODEL: ClassVar[str] = "model_int8.tflite"
    EDGETPU: ClassVar[str] = "model_int8_edgetpu.tflite"
    GOLDEN: ClassVar[str] = "golden.npz"
    REPORT: ClassVar[str] = "report.json"
    REPORT_PAGE: ClassVar[str] = "report.html"
    REQUIRED: ClassVar[tuple[str, ...]] = (MODEL, GOLDEN)
    COMPANIONS: ClassVar[tuple[str, ...]] = (
        "MODEL_CARD.md",
        "card.json",
        "robustness.png",
    )
    """What ``fer-train card`` adds later, for people, so that no manifest lists it."""

    name: str
    """What events call the model: letters, digits, ``_``, ``.`` and ``-``."""
    labels: Labels
    input: InputSpec
    temperature: float = 1.0
    """Divides the logarithms of the scores; above 1 makes them less sure."""
    threshold: float = 0.5
    """A score below this is reported as ``uncertain``; 0 to 1."""
    training: Facts = field(default_factory=dict)
    calibration: Facts = field(default_factory=dict)
    parity: Facts = field(default_factory=dict)
    versions: Facts = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 in lower-case hexadecimal, keyed by file name."""


Manifest = TypeVar("Manifest", RunManifest, BundleManifest)


def write_manifest(
    directory: Path, manifest: Manifest, files: Iterable[str]
) -> Manifest:
    """Write ``manifest.json`` over a finished directory.

    Args:
        directory: of the run or bundle, with the files already in it.
        manifest: the facts; its ``files`` is replaced.
        files: names in the directory whose digests are to be kept.

    Returns:
        The manifest with the digests, as written.

    Raises:
        ManifestError: a value that reading would not accept.
        OSError: a file that cannot be read, or the manifest that cannot be written.
    """
    digests = {name: sha256(directory / name) for name in sorted(files)}
    whole = dataclasses.replace(manifest, files=digests)
    document = {"schema": SCHEMA, "kind": whole.KIND, **dataclasses.asdict(whole)}
    path = directory / MANIFEST_NAME
    try:
        document["digest"] = _digest(document)
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    except ValueError as mistake:
        raise ManifestError(f"{path}: {mistake}") from mistake
    _parse(json.loads(text), type(whole), path)
    # Complete or absent, also after a power cut.
    unfinished = path.with_suffix(".json.part")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    return whole


def read_manifest(directory: Path, kind: type[Manifest]) -> Manifest:
    """Read a directory's manifest and check every file against it.

    Args:
        directory: a run or bundle directory.
        kind: ``RunManifest`` or ``BundleManifest``.

    Returns:
        The manifest, all of its digests confirmed.

    Raises:
        ManifestError: no manifest, not JSON, a newer schema, another kind, a missing,
            unknown or bad key, or a file that is missing.
        DigestError: a file is not the one that was written.
    """
    path = directory / MANIFEST_NAME
    if not path.is_file():
        if not directory.exists():
            raise ManifestError(f"{directory}: no such directory")
        raise ManifestError(
            f"{directory}: no {MANIFEST_NAME} in it, so this is no finished {kind.KIND}"
        )
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as mistake:
        raise ManifestError(f"{path}: not JSON ({mistake})") from mistake
    manifest = _parse(document, kind, path)
    for name, digest in manifest.files.items():
        file = directory / name
        if not file.is_file():
            raise ManifestError(f"{file}: missing, but {MANIFEST_NAME} lists it")
        seen = sha256(file)
        if seen != digest:
            raise DigestError(
                f"{file}: SHA-256 is {seen[:12]}…, {MANIFEST_NAME} says "
                f"{digest[:12]}…; the file is damaged or was exchanged"
            )
    return manifest


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parse(document: object, kind: type[Manifest], path: Path) -> Manifest:
    """Check a manifest's JSON and build the dataclass."""
    if not isinstance(document, dict):
        raise ManifestError(f"{path}: {type(document).__name__}; an object is wanted")
    promised = document.pop("digest", None)
    seen_digest = _digest(document)
    schema = document.pop("schema", None)
    if type(schema) is not int or schema < 1:
        raise ManifestError(f"{path}: schema: {schema!r}; a whole number is wanted")
    if schema > SCHEMA:
        raise ManifestError(
            f"{path}: schema: {schema} is newer than {SCHEMA}, the newest that this "
            "version of fer-edge-toolkit reads; update it"
        )
    seen_kind = document.pop("kind", None)
    if seen_kind != kind.KIND:
        raise ManifestError(f"{path}: kind: {seen_kind!r}; {kind.KIND!r} is wanted")
    fields = {part.name: part for part in dataclasses.fields(kind)}
    for key in document:
        if key not in fields:
            raise ManifestError(f"{path}: {key}: unknown key")
    for key, part in fields.items():
        # What a later version adds has a default, so that older bundles still load.
        optional = (part.default, part.default_factory) != (MISSING, MISSING)
        if key not in document and not optional:
            raise ManifestError(f"{path}: {key}: missing")
    values = {
        key: _CHECKS[key](value, f"{path}: {key}") for key, value in document.items()
    }
    for name in kind.REQUIRED:
        if name not in values.get("files", ()):
            raise ManifestError(f"{path}: files: {name} is not listed")
    # Last, so that a mistake made by hand is named before it is called damage.
    if promised != seen_digest:
        raise DigestError(
            f"{path}: digest is {promised!r}, but its content has {seen_digest!r}; the "
            "manifest is damaged or was changed by hand"
        )
    return kind(**values)


def _digest(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest's meaning, whatever its spacing and order."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _labels(value: object, where: str) -> Labels:
    if not isinstance(value, list):
        raise ManifestError(f"{where}: {value!r}; a list is wanted")
    return check_labels(value, where)


def _input(value: object, where: str) -> InputSpec:
    names = {part.name for part in dataclasses.fields(InputSpec)}
    if not isinstance(value, dict) or set(value) != names:
        raise ManifestError(f"{where}: {value!r}; wanted: {', '.join(sorted(names))}")
    try:
        return InputSpec(**value)
    except ManifestError as mistake:
        raise ManifestError(f"{where}: {mistake}") from mistake


def _facts(value: object, where: str) -> Facts:
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: {value!r}; an object is wanted")
    return value


def _files(value: object, where: str) -> Mapping[str, str]:
    digests = _facts(value, where)
    for name, digest in digests.items():
        if not FILE_NAME.fullmatch(name):
            raise ManifestError(f"{where}: {name!r} is no plain file name")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ManifestError(f"{where}: {name}: {digest!r} is no SHA-256")
    return digests


def check_name(value: object, where: str) -> str:
    """Return the name of a model or preset.

    Raises:
        ManifestError: it is none; ``where`` is the file or option it comes from.
    """
    if not isinstance(value, str) or not _MODEL_NAME.fullmatch(value):
        raise ManifestError(
            f"{where}: {value!r}; allowed are 1 to 64 letters, digits, _ . and -"
        )
    return value


def _seed(value: object, where: str) -> int:
    if type(value) is not int or value < 0:
        raise ManifestError(f"{where}: {value!r}; a whole number from 0 is wanted")
    return value


def _number(value: object, where: str, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
        raise ManifestError(f"{where}: {value!r}; allowed is {low:g} to {high:g}")
    return float(value)  # type: ignore[arg-type]


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "labels": _labels,
    "input": _input,
    "preset": check_name,
    "seed": _seed,
    "name": check_name,
    "temperature": lambda value, where: _number(value, where, 0.05, 20.0),
    "threshold": lambda value, where: _number(value, where, 0.0, 1.0),
    "data": _facts,
    "training": _facts,
    "calibration": _facts,
    "parity": _facts,
    "versions": _facts,
    "files": _files,
}
