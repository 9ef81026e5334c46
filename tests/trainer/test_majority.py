"""What most people saw, and one person held against the rest."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceSet
from fer_trainer.evaluation import measure
from fer_trainer.evaluation.majority import NONE, human, majority
from fer_trainer.votes import Votes, read_votes

_COLUMNS = ("neutral", "happiness", "anger", "sadness")


def _faces(*names: str) -> FaceSet:
    return FaceSet(
        split="validation",
        labels=("happy", "sad"),
        faces=np.zeros((len(names), 1, 1, 1), dtype=np.uint8),
        classes=np.zeros(len(names), dtype=np.int64),
        names=names,
        digests=tuple("0" * 64 for _ in names),
    )


def _votes(**table: tuple[int, ...]) -> Votes:
    rows = {name: np.array(row, dtype=np.int64) for name, row in table.items()}
    return Votes(Path("votes.csv"), _COLUMNS, rows)


def test_majority() -> None:
    """Of all columns; a tie, another emotion, or no vote has no class."""
    votes = _votes(
        a=(2, 5, 1, 2), b=(1, 2, 1, 6), c=(0, 5, 0, 5), d=(0, 3, 4, 3), e=(4, 3, 0, 3)
    )
    found = majority(votes, _faces("a", "b", "c", "d", "e", "f"))
    assert found.tolist() == [0, 1, NONE, NONE, NONE, NONE]


def test_one_person_by_hand() -> None:
    """The vote itself is taken out before it is held against the others."""
    votes = _votes(
        a=(0, 7, 0, 3),  # others: 6-3 and 7-2, happy; 7 of 10 agree
        b=(0, 1, 0, 5),  # others: 0-5 and 1-4, sad; 5 of 6 agree
        c=(0, 5, 0, 5),  # others: 4-5, sad, and 5-4, happy; nobody agrees
        d=(0, 5, 0, 4),  # others of a happy one 4-4: tied, left out; of a sad one 5-3
        e=(6, 2, 0, 2),  # others: neutral, no label
        f=(0, 4, 3, 0),  # angry votes are for no label; others of a happy one tied
    )
    figures = human(votes, _faces("a", "b", "c", "d", "e", "f"))
    assert figures.votes.tolist() == [10 + 5 + 4, 6 + 5]
    assert figures.agreements.tolist() == [7, 5]
    assert figures.facts() == {
        "accuracy": round(12 / 30, 4),
        "votes": 30,
        "recall": {"happy": round(7 / 19, 4), "sad": round(5 / 11, 4)},
    }


def test_one_voice_a_face() -> None:
    """Without others there is no figure, and none is made up."""
    votes = _votes(a=(0, 1, 0, 0), b=(0, 0, 0, 1))
    faces = _faces("a", "b")
    assert human(votes, faces).facts()["accuracy"] is None
    facts = measure(np.eye(2), faces, votes).facts()["votes"]
    assert (facts["faces"], facts["accuracy"]) == (2, 1.0)


def test_no_clear_majority_anywhere() -> None:
    """The figures against the labels stay; those against the votes are not there."""
    votes = _votes(a=(0, 1, 0, 1), b=(0, 0, 9, 1))
    facts = measure(np.eye(2), _faces("a", "b"), votes).facts()
    assert facts["votes"]["faces"] == 0
    assert "accuracy" not in facts["votes"]


def _all_faces(shared: Path) -> tuple[Votes, FaceSet]:
    """Return all that were voted on, without pixels: the votes need none."""
    votes = read_votes(shared / "data" / "ferplus_votes.csv")
    names = sorted(votes.table)
    labels = ("happy", "neutral", "sad", "surprise")
    classes = np.array([labels.index(name.split("/")[1]) for name in names])
    faces = _faces(*names)
    return votes, dataclasses.replace(faces, labels=labels, classes=classes)


def test_published_human_figure(shared: Path) -> None:
    """It is 85.0 %, as published for PrivateTest, which is not here.

    For all faces 84.3 % (happy 92, surprise 86, neutral 81, sad 75) is published, by a
    definition that we have not found: ours is near it, but for sad.
    """
    votes, faces = _all_faces(shared)
    figures = human(votes, faces).facts()
    assert figures["accuracy"] == 0.8501
    wanted = {"happy": 0.923, "neutral": 0.805, "sad": 0.723, "surprise": 0.860}
    assert figures["recall"] == pytest.approx(wanted, abs=0.0005)
    assert figures["accuracy"] == pytest.approx(0.843, abs=0.01)


def test_published_agreement_of_labels_and_votes(shared: Path) -> None:
    """It is 78 % with ties given to the first column, and 80 % without them."""
    votes, faces = _all_faces(shared)
    majorities = majority(votes, faces)
    clear = majorities != NONE
    agreement = (majorities == faces.classes)[clear].mean()
    assert agreement == pytest.approx(0.798, abs=0.0005)
    columns = votes.column_of(faces.labels)
    first = votes.of(faces).argmax(axis=1)
    named = np.isin(first, columns)
    agreement = (first == columns[faces.classes])[named].mean()
    assert agreement == pytest.approx(0.78, abs=0.005)
