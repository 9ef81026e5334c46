"""Calibration faces: stratified, repeatable, and never among the judges."""

import dataclasses

import numpy as np
import pytest

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_converter.calibration import select, spanning_all_bytes


def split(counts: dict[str, int]) -> FaceSet:
    """A split with so many faces a label, each face of one grey level of its own."""
    labels = tuple(counts)
    classes = np.repeat(np.arange(len(labels)), list(counts.values()))
    faces = np.arange(len(classes), dtype=np.uint8)[:, None, None, None]
    names = tuple(f"validation/{labels[c]}/{i}.png" for i, c in enumerate(classes))
    return FaceSet(
        split="validation",
        labels=labels,
        faces=np.broadcast_to(faces, (len(classes), 8, 8, 1)).copy(),
        classes=classes,
        names=names,
        digests=tuple(f"{index:064x}" for index in range(len(classes))),
    )


def test_each_class_gives_its_share() -> None:
    """100 of 200 faces: half of each class, however unequal they are."""
    parts = select(split({"a": 120, "b": 60, "c": 20}), 100, seed=0)
    assert parts.calibration.counts() == {"a": 60, "b": 30, "c": 10}


def test_no_face_both_calibrates_and_judges() -> None:
    """The two parts share none and lose none."""
    faces = split({"a": 100, "b": 50})
    parts = select(faces, 40, seed=1)
    calibration, judges = set(parts.calibration.names), set(parts.parity.names)
    assert calibration & judges == set()
    assert calibration | judges == set(faces.names)


def test_the_same_seed_draws_the_same_faces() -> None:
    """And another seed others."""
    faces = split({"a": 100, "b": 50})
    names = [select(faces, 40, seed).calibration.names for seed in (1, 1, 2)]
    assert names[0] == names[1]
    assert names[0] != names[2]


def test_more_wanted_than_there_are() -> None:
    """Half of a class at the most: someone must be left to judge."""
    parts = select(split({"a": 10, "b": 7}), 1000, seed=0)
    assert parts.calibration.counts() == {"a": 5, "b": 3}


def test_a_class_with_a_single_face() -> None:
    """It cannot both calibrate and judge; the class is named."""
    with pytest.raises(DataError, match="validation/b: 1 face; at least 2"):
        select(split({"a": 10, "b": 1}), 5, seed=0)


def with_copies(faces: FaceSet, copies: dict[int, int]) -> FaceSet:
    """The same split, in which some faces have the content of another."""
    digests = [faces.digests[copies.get(k, k)] for k in range(len(faces))]
    return dataclasses.replace(faces, digests=tuple(digests))


def test_no_copy_of_a_calibration_face_judges() -> None:
    """FER2013 has photographs under several names."""
    faces = with_copies(split({"a": 20, "b": 20}), {k: k - 1 for k in range(1, 40, 2)})
    for seed in range(10):
        parts = select(faces, 10, seed)
        assert not {*parts.calibration.digests} & {*parts.parity.digests}
        assert len(parts.calibration) == 10
        assert 20 <= len(parts.parity) <= 30


def test_a_class_of_copies() -> None:
    """Whichever calibrates, the others have been seen."""
    faces = with_copies(split({"a": 10, "b": 3}), {11: 10, 12: 10})
    with pytest.raises(DataError, match="validation/b: every face is a copy of one"):
        select(faces, 4, seed=0)


def test_the_facts_name_every_file_with_its_digest() -> None:
    """The manifest can be held against the data set later."""
    parts = select(split({"a": 10, "b": 10}), 4, seed=0)
    facts = parts.facts()
    assert facts["count"] == 4
    assert facts["classes"] == {"a": 2, "b": 2}
    assert facts["augmentation"] == "none"  # they are blank: nothing to stretch
    assert facts["files"] == dict(
        zip(parts.calibration.names, parts.calibration.digests, strict=True)
    )


def test_faces_of_little_contrast() -> None:
    """One is stretched, and the manifest says so; those of full contrast stay."""
    faces = split({"a": 10, "b": 10})
    ramp = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    dim = dataclasses.replace(faces, faces=faces.faces // 4 + ramp)
    parts = select(dim, 4, seed=0)
    assert parts.facts()["augmentation"] == "one face stretched to 0..255"
    spanning = spanning_all_bytes(parts.calibration.faces)
    assert spanning.shape == (5, 8, 8, 1)
    assert spanning.dtype == np.uint8
    assert (spanning[:4] == parts.calibration.faces).all()
    assert (spanning[4].min(), spanning[4].max()) == (0, 255)
    assert spanning_all_bytes(spanning) is spanning
