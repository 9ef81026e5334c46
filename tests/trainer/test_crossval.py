"""Folds that share no face, and figures that say how sure they are."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.errors import DataError
from fer_trainer.crossval import (
    CrossValidation,
    cross_validate,
    divide,
    mean_interval,
)
from fer_trainer.material import Material
from fer_trainer.plan import Plan


def silent(_line: str) -> None:
    """Say nothing."""


def test_every_class_is_spread_evenly(few: Material) -> None:
    """Each fold has as many of each class as the others, give or take one."""
    fold_of = divide(few.train, 3, seed=0)
    for index in range(4):
        sizes = np.bincount(fold_of[few.train.classes == index], minlength=3)
        assert sizes.max() - sizes.min() <= 1
    assert not np.array_equal(fold_of, divide(few.train, 3, seed=1))
    assert np.array_equal(fold_of, divide(few.train, 3, seed=0))


def test_duplicates_share_a_fold(few: Material) -> None:
    """Else a face that was learnt would be judged under another name."""
    twice = few.train.take([*range(len(few.train)), 0, 0, 20])
    names = tuple(f"train/x/{index}.png" for index in range(len(twice)))
    fold_of = divide(dataclasses.replace(twice, names=names), 4, seed=0)
    assert fold_of[0] == fold_of[-3] == fold_of[-2]
    assert fold_of[20] == fold_of[-1]


def test_more_folds_than_faces(few: Material) -> None:
    """One line with the class and its faces."""
    with pytest.raises(DataError, match="--folds: 17; train/happy has 16 faces"):
        divide(few.train, 17, seed=0)


def test_the_interval_of_a_mean() -> None:
    """Student's, by hand: mean 0.7, deviation 0.1, three folds, t = 4.303."""
    mean, low, high = mean_interval([0.6, 0.7, 0.8])
    assert mean == pytest.approx(0.7)
    half = 4.303 * 0.1 / np.sqrt(3)
    assert low == pytest.approx(0.7 - half)
    assert high == pytest.approx(0.7 + half)


def test_the_interval_of_two_folds() -> None:
    """Two say little of their mean, but a share is never below nothing."""
    folds = tuple(
        {"accuracy": accuracy, "macro_f1": 0.2, "faces": 600}
        for accuracy in (0.25, 0.2933)
    )
    facts = CrossValidation(folds).facts()
    assert facts["accuracy_95"] == [0.0, 0.5467]
    low, high = facts["pooled_accuracy_95"]
    assert 0.24 < low < facts["pooled_accuracy"] < high < 0.30


@pytest.fixture(scope="module")
def validated(
    few: Material,
    planned: Callable[..., Plan],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, CrossValidation]:
    """Two folds and what came of them."""
    out = tmp_path_factory.mktemp("validated") / "run"
    return out, cross_validate(few, out, planned(epochs=1), 2, say=silent)


def test_each_face_is_judged_once_by_a_network_that_never_saw_it(
    few: Material,
    planned: Callable[..., Plan],
    validated: tuple[Path, CrossValidation],
) -> None:
    """The manifests of the folds prove it; a second call trains nothing again."""
    out, result = validated
    facts = result.facts()
    assert facts["faces"] == len(few.train)
    assert [fold["faces"] for fold in facts["folds"]] == [32, 32]
    assert facts["accuracy"] == pytest.approx(np.mean(result.accuracies), abs=1e-4)
    assert json.loads((out / "crossval.json").read_text()) == facts
    manifests = [
        json.loads((out / f"fold-{fold}" / "manifest.json").read_text())
        for fold in (1, 2)
    ]
    counts = [part["data"]["splits"]["train"]["count"] for part in manifests]
    assert counts == [32, 32]
    assert (
        manifests[0]["data"]["splits"]["train"]["digest"]
        != manifests[1]["data"]["splits"]["train"]["digest"]
    )
    said: list[str] = []
    again = cross_validate(few, out, planned(epochs=1), 2, say=said.append)
    assert again.facts() == facts
    assert not any("learn from" in line for line in said)


def test_a_fold_of_another_plan(
    few: Material,
    planned: Callable[..., Plan],
    validated: tuple[Path, CrossValidation],
) -> None:
    """It is not taken for one of this: one line says what differs."""
    out, _ = validated
    with pytest.raises(DataError, match="fold-1: already trained with epochs 1, now 2"):
        cross_validate(few, out, planned(epochs=2), 2, say=silent)
