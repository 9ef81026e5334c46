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
    runs: Sequence[Path], labels: Labels, spec: InputSpec, option: str = "--teacher"
) -> list[dict[str, Any]]:
    """Return of each run what identifies it, and what it takes to make it again.

    Args:
        runs: given to the option.
        labels: of the data.
        spec: of the faces that the student takes.
        option: for messages.

    Raises:
        ManifestError, DigestError: a run is unfinished or damaged.
        FerError: a teacher knows other labels, or takes other faces.
    """
    facts = []
    for run in runs:
        manifest = read_manifest(run, RunManifest)
        if manifest.labels != labels:
            raise FerError(
                f"{option}: {run}: knows {', '.join(manifest.labels)}; the data has "
                f"{', '.join(labels)}, and their order must be the same"
            )
        if manifest.input != spec:
            raise FerError(
                f"{option}: {run}: takes faces of {_framing(manifest.input)}; the "
                f"student's are {_framing(spec)}"
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


def _framing(spec: InputSpec) -> str:
    margin = f" with a margin of {spec.margin:g}" if spec.margin else ""
    return f"{spec.width}x{spec.height}{margin}"
