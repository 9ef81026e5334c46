"""Which validation faces calibrate the quantizer, and which are left to judge it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError


@dataclass(frozen=True, slots=True)
class Selection:
    """A split in two parts that share no face."""

    calibration: FaceSet
    parity: FaceSet
    seed: int

    def facts(self) -> Mapping[str, Any]:
        """Return what the bundle's manifest says of the calibration."""
        return {
            "split": self.calibration.split,
            "count": len(self.calibration),
            "classes": self.calibration.counts(),
            "augmentation": "none",
            "seed": self.seed,
            "files": dict(
                zip(self.calibration.names, self.calibration.digests, strict=True)
            ),
        }


def select(faces: FaceSet, count: int, seed: int) -> Selection:
    """Draw calibration faces, in each class the share that it has in the split.

    Args:
        faces: the validation split.
        count: faces wanted; at most half of any class is taken.
        seed: the same one draws the same faces.

    Raises:
        DataError: a class with fewer than 2 faces.
    """
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for index, label in enumerate(faces.labels):
        members = np.flatnonzero(faces.classes == index)
        if len(members) < 2:
            raise DataError(
                f"{faces.split}/{label}: {len(members)} face; at least 2 are needed, "
                "one to calibrate and one to compare"
            )
        share = round(count * len(members) / len(faces))
        take = min(max(1, share), len(members) // 2)
        chosen.extend(rng.choice(members, take, replace=False).tolist())
    others = np.setdiff1d(np.arange(len(faces)), chosen)
    return Selection(
        calibration=faces.take(sorted(chosen)),
        parity=faces.take(others.tolist()),
        seed=seed,
    )
