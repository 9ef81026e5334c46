"""Runs among several that a command trains: what is finished is not trained again."""

import json
from collections.abc import Callable
from pathlib import Path

from fer_contract.errors import DataError
from fer_contract.manifest import MANIFEST_NAME, RunManifest, read_manifest
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.run_directory import first_difference
from fer_trainer.training.train import train


def train_unless_finished(
    material: Material,
    run: Path,
    plan: Plan,
    about: str,
    *,
    say: Callable[[str], None],
) -> RunManifest:
    """Train, or take the run that an earlier call of the same command has finished.

    Args:
        material: faces.
        run: its directory.
        plan: how to train.
        about: what is said of the run before it is trained.
        say: told what is going on, a line each.

    Raises:
        DataError: a finished run is there, of another plan or other faces.
        FerError, OSError: as ``train``.
    """
    if (run / MANIFEST_NAME).exists():
        manifest = read_manifest(run, RunManifest)
        _check(run, manifest, material, plan)
        return manifest
    say(f"{run}: {about}")
    return train(material, run, plan, say=say)


def _check(run: Path, manifest: RunManifest, material: Material, plan: Plan) -> None:
    """Check that a finished run is the one that would be trained.

    Raises:
        DataError: it is of another plan or of other faces.
    """
    wanted = json.loads(json.dumps(plan.facts()))
    trained = {key: manifest.training.get(key) for key in wanted}
    difference = first_difference(trained, wanted)
    if difference:
        raise DataError(
            f"{run}: already trained with {difference}; name another directory"
        )
    others = (
        ("seed", manifest.seed, plan.seed),
        ("input", manifest.input, material.spec),
        ("labels", manifest.labels, material.train.labels),
        ("faces", manifest.data, material.facts()),
    )
    for key, value, now in others:
        if value != now:
            raise DataError(
                f"{run}: already trained with another {key}; name another directory"
            )
