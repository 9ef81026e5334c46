"""Which validation faces calibrate the quantizer, and which are left to judge it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_contract.preprocess import Pixels


@dataclass(frozen=True, slots=True)
class Selection:
    """A split in two parts that share no photograph, by name or by content."""

    calibration: FaceSet
    parity: FaceSet
    seed: int

    def facts(self) -> Mapping[str, Any]:
        """Return what the bundle's manifest says of the calibration."""
        faces = self.calibration.faces
        stretched = len(spanning_all_bytes(faces)) > len(faces)
        return {
            "split": self.calibration.split,
            "count": len(self.calibration),
            "classes": self.calibration.counts(),
            "augmentation": "one face stretched to 0..255" if stretched else "none",
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
        DataError: a class with fewer than 2 faces, or with copies of one alone.
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
    calibration = faces.take(sorted(chosen))
    # FER2013 has photographs twice: a copy would judge what it has calibrated.
    seen = set(calibration.digests)
    others = [index for index, digest in enumerate(faces.digests) if digest not in seen]
    parity = faces.take(others)
    for label, left in parity.counts().items():
        if not left:
            raise DataError(
                f"{faces.split}/{label}: every face is a copy of one that calibrates; "
                "at least 2 different ones are needed"
            )
    return Selection(calibration=calibration, parity=parity, seed=seed)


def spanning_all_bytes(faces: Pixels) -> Pixels:
    """Have some pixel of 0 and some of 255 among faces, uint8 (N, H, W, 1).

    TFLite takes the input's range from what it sees. The device sends grey values as
    they are, so a narrower range would dim every face. Where it is narrower, a face
    of more contrast comes at the end: no lone bright pixel, whose edges would widen
    the ranges of the layers behind it. Blank faces stay blank: nothing can be
    calibrated on them, and rules and gates shall see it.
    """
    low, high = int(faces.min()), int(faces.max())
    if (low, high) == (0, 255):
        return faces
    widest = faces[np.argmax(np.ptp(faces.reshape(len(faces), -1), axis=1))]
    low, high = int(widest.min()), int(widest.max())
    if low == high:
        return faces
    stretched = (widest.astype(np.float64) - low) * (255 / (high - low))
    return np.concatenate([faces, stretched.round().astype(np.uint8)[np.newaxis]])
