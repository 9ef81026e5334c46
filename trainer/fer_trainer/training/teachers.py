"""Finished runs that a training is to learn from: do they know what it is to learn?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_contract.errors import FerError
from fer_contract.labels import Labels
from fer_contract.manifest import RunManifest, read_manifest
from fer_contract.preprocess import InputSpec

_OUTCOME = frozenset({"devices", "parameters", "seconds", "validation"})
"""What a manifest says of a training that could not be asked for."""


def check_teachers(
    runs: Sequence[Path], labels: Labels, spec: InputSpec
) -> list[dict[str, Any]]:
    """Return of each run what identifies it, and what it takes to make it again.

    Raises:
        ManifestError, DigestError: a run is unfinished or damaged.
        FerError: a teacher knows other labels, or takes other faces.
    """
    facts = []
    for run in runs:
        manifest = read_manifest(run, RunManifest)
        if manifest.labels != labels:
            raise FerError(
                f"--teacher: {run}: knows {', '.join(manifest.labels)}; the data has "
                f"{', '.join(labels)}, and their order must be the same"
            )
        if manifest.input != spec:
            raise FerError(
                f"--teacher: {run}: takes faces of {manifest.input.width}x"
                f"{manifest.input.height}; the student's are {spec.width}x{spec.height}"
            )
        asked = manifest.training.items()
        facts.append(
            {
                "sha256": manifest.files[RunManifest.MODEL],
                "preset": manifest.preset,
                "seed": manifest.seed,
                **{key: value for key, value in asked if key not in _OUTCOME},
            }
        )
    return facts
