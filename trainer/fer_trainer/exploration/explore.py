"""Every figure about labelled faces that should be known before training on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.dataset import FaceSet
from fer_contract.preprocess import Pixels
from fer_trainer.evaluation.majority import NONE, human, majority
from fer_trainer.exploration.duplicates import Duplicates, Group, find_duplicates
from fer_trainer.votes import Votes


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found in the splits of a data set."""

    source: str
    parts: tuple[FaceSet, ...]
    duplicates: Duplicates
    votes: Votes | None

    @property
    def leaks(self) -> list[Group]:
        """Photographs that are in several splits."""
        return [group for group in self.duplicates.groups if group.crosses]

    @property
    def contradictions(self) -> list[Group]:
        """Photographs that have several labels."""
        return [group for group in self.duplicates.groups if group.contradicts]

    def face(self, group: Group, place: int) -> Pixels:
        """Return the pixels of one face of a group, (H, W, 1)."""
        member = group.members[place]
        face: Pixels = self.parts[member.part].faces[member.index]
        return face

    def facts(self) -> dict[str, Any]:
        """Return everything as JSON."""
        leaking = [member for group in self.leaks for member in group.members]
        facts: dict[str, Any] = {
            "source": self.source,
            "labels": list(self.parts[0].labels),
            "splits": {part.split: part.facts() for part in self.parts},
            "duplicates": {
                "groups": len(self.duplicates.groups),
                "exact_groups": sum(group.exact for group in self.duplicates.groups),
                "surplus_faces": self.duplicates.surplus,
                "contradicting_groups": len(self.contradictions),
                "leaking_groups": len(self.leaks),
                "leaking_faces": {
                    part.split: sum(member.part == index for member in leaking)
                    for index, part in enumerate(self.parts)
                },
                "list": [
                    {"files": list(group.names), "exact": group.exact}
                    for group in self.duplicates.groups
                ],
            },
        }
        if self.votes is not None:
            facts["votes"] = {
                part.split: _disagreement(self.votes, part) for part in self.parts
            }
        return facts

    def disputed(self, count: int) -> list[tuple[FaceSet, int, float]]:
        """Return the faces whose label has the fewest of the votes for a label.

        Returns:
            (split, index in it, share of the votes 0 to 1), at most ``count``.
        """
        if self.votes is None:
            return []
        faces = []
        for part in self.parts:
            shares = self.votes.shares(part)[np.arange(len(part)), part.classes]
            faces += [(part, index, float(share)) for index, share in enumerate(shares)]
        return sorted(faces, key=lambda face: face[2])[:count]


def explore(source: str, parts: Sequence[FaceSet], votes: Votes | None) -> Exploration:
    """Look at all splits.

    Args:
        source: name of the data, for people.
        parts: splits, at least one.
        votes: on their faces, or None.

    Raises:
        DataError: votes that belong to other faces or other labels.
    """
    if votes is not None:
        for part in parts:
            votes.check(part)
    return Exploration(source, tuple(parts), find_duplicates(parts), votes)


def _disagreement(votes: Votes, part: FaceSet) -> dict[str, Any]:
    """Return the labels of a split against the majority of the votes, as JSON."""
    most = majority(votes, part)
    classes = len(part.labels)
    matrix = np.zeros((classes, classes + 1), dtype=np.int64)
    np.add.at(matrix, (part.classes, np.where(most == NONE, classes, most)), 1)
    right = np.diag(matrix)
    known = matrix[:, :classes].sum(axis=1)
    return {
        "columns": [*part.labels, "none of them, or tied"],
        "rows": {
            label: matrix[index].tolist() for index, label in enumerate(part.labels)
        },
        "agreement": {
            label: round(int(right[index]) / int(known[index]), 4)
            if known[index]
            else None
            for index, label in enumerate(part.labels)
        },
        "agreement_overall": round(int(right.sum()) / max(1, int(known.sum())), 4),
        "human": human(votes, part).facts(),
    }
