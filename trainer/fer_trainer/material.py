"""The faces of a training: those to learn from, and those to choose the epoch by."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.preprocess import InputSpec
from fer_trainer.exploration.duplicates import drop_leaks
from fer_trainer.votes import Votes, read_votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Labelled faces, and the votes on them if there are any."""

    source: str
    """Name of the data, for people."""
    spec: InputSpec
    train: FaceSet
    validation: FaceSet
    votes: Votes | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    """Training faces left out, by why."""

    def vote_shares(self) -> npt.NDArray[np.float64] | None:
        """Return how the votes on the training faces divide, (N, C)."""
        return self.votes.shares(self.train) if self.votes else None

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        splits = {part.split: part.facts() for part in (self.train, self.validation)}
        facts: dict[str, Any] = {"source": self.source, "splits": splits}
        if self.votes is not None:
            facts["votes"] = self.votes.facts()
        if self.dropped:
            facts["dropped"] = self.dropped
        return facts


def load_material(
    data: FaceData, *, votes: Path | None = None, without_leaks: bool = False
) -> Material:
    """Read the splits ``train`` and ``validation``, and the votes.

    Args:
        data: where they are.
        votes: CSV of FER+, or None.
        without_leaks: leave out training faces that are in validation or test too.

    Raises:
        DataError: a split is missing or broken, or votes that do not belong to it.
    """
    train, validation = data.load("train"), data.load("validation")
    dropped: dict[str, int] = {}
    if without_leaks:
        judging = [validation]
        if "test" in data.splits:
            judging.append(data.load("test"))
        train, dropped = drop_leaks(train, judging)
    material = Material(
        source=data.source.name,
        spec=data.spec,
        train=train,
        validation=validation,
        votes=read_votes(votes) if votes else None,
        dropped=dropped,
    )
    if material.votes is not None:
        # Now, not after an hour: votes that belong to other data.
        material.votes.check(train)
        material.votes.check(validation)
    return material
