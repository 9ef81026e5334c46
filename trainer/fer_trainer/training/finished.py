"""A finished run that lies where one is about to be trained."""

import json
from pathlib import Path

from fer_contract.errors import DataError
from fer_contract.manifest import RunManifest
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.training.run_directory import first_difference


def check_finished(
    run: Path, manifest: RunManifest, material: Material, plan: Plan
) -> None:
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
