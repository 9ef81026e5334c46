"""What each face is to be answered with: its label, its votes, and how much."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceSet
from fer_contract.errors import FerError
from fer_trainer.recipes import RECIPES, STANDARD, find_recipe
from fer_trainer.training.batches import Batches, Mixing
from fer_trainer.training.targets import make_targets, make_weights


@pytest.fixture
def uneven() -> FaceSet:
    """Six faces of one class and two of another; each face is one grey level."""
    classes = np.array([0, 0, 0, 1, 0, 0, 1, 0])
    greys = 20 * np.arange(1, 9, dtype=np.uint8)
    return FaceSet(
        split="train",
        labels=("happy", "sad"),
        faces=np.tile(greys[:, None, None, None], (1, 48, 48, 1)),
        classes=classes,
        names=tuple(f"train/x/{index}.jpg" for index in range(8)),
        digests=tuple("0" * 64 for _ in range(8)),
    )


def test_labels_alone(uneven: FaceSet) -> None:
    """One-hot, in the labels' order."""
    targets = make_targets(uneven, None, STANDARD)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, np.eye(2)[uneven.classes])


def test_votes_are_mixed_in_by_their_share(uneven: FaceSet) -> None:
    """A quarter of a target that is 0.2 : 0.8 beside a label of 1 : 0."""
    shares = np.tile([0.2, 0.8], (8, 1))
    recipe = dataclasses.replace(STANDARD, votes_share=0.25)
    targets = make_targets(uneven, shares, recipe)
    np.testing.assert_allclose(targets[0], [0.8, 0.2], atol=1e-6)
    np.testing.assert_allclose(targets[3], [0.05, 0.95], atol=1e-6)


def test_smoothing_spreads_its_share(uneven: FaceSet) -> None:
    """Also over what votes have made; each row still sums to 1."""
    recipe = dataclasses.replace(STANDARD, label_smoothing=0.2)
    targets = make_targets(uneven, None, recipe)
    np.testing.assert_allclose(targets[0], [0.9, 0.1], atol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-6)


def test_class_weights_make_classes_count_alike(uneven: FaceSet) -> None:
    """1 on average; the sum over each class is the same."""
    assert set(make_weights(uneven, STANDARD)) == {1.0}
    recipe = dataclasses.replace(STANDARD, class_weights=True)
    weights = make_weights(uneven, recipe)
    assert weights.mean() == pytest.approx(1.0)
    sums = [weights[uneven.classes == index].sum() for index in (0, 1)]
    assert sums[0] == pytest.approx(sums[1])


def batches_of(faces: FaceSet, mixing: Mixing, batch_size: int = 4) -> Batches:
    """Return batches whose weights are the faces' numbers, to know them by."""
    return Batches(
        faces,
        make_targets(faces, None, STANDARD),
        np.arange(len(faces), dtype=np.float32),
        batch_size=batch_size,
        mixing=mixing,
        seed=3,
    )


def test_oversampling_shows_every_class_alike(uneven: FaceSet) -> None:
    """Six of each, every face at least once, none left out."""
    batches = batches_of(uneven, Mixing(oversample=True), batch_size=5)
    assert len(batches) == 3
    shown = np.concatenate([batches[index][2] for index in range(3)]).astype(int)
    np.testing.assert_array_equal(np.bincount(uneven.classes[shown]), [6, 6])
    assert set(shown) == set(range(8))


def test_mixup_blends_faces_and_targets_by_one_share(uneven: FaceSet) -> None:
    """What is wanted of a blend is blended as its pixels are."""
    faces, targets, weights = batches_of(uneven, Mixing(mixup=1.0), batch_size=8)[0]
    assert faces.dtype == np.uint8
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-6)
    # Grey level and weight both grow by the face's number, so one tells the other.
    np.testing.assert_allclose(
        faces[:, 0, 0, 0] / 20.0 - 1, weights, atol=0.5 / 20 + 1e-6
    )
    assert np.any((targets > 0.01) & (targets < 0.99))


def test_no_mixup_blends_nothing(uneven: FaceSet) -> None:
    """Every face is as stored."""
    faces, targets, weights = batches_of(uneven, Mixing())[1]
    np.testing.assert_array_equal(faces, uneven.faces[weights.astype(int)])
    assert set(targets.ravel()) == {0.0, 1.0}


def test_recipes_are_found_by_name() -> None:
    """An unknown one is answered with those that are."""
    assert find_recipe("study").name == "study"
    with pytest.raises(FerError, match="--recipe: 'weak'; allowed are standard, study"):
        find_recipe("weak")
    assert set(RECIPES) == {"standard", "study", "strong", "release", "refine"}


def test_two_cures_of_one_illness_are_refused() -> None:
    """Class weights and oversampling together would overdo it."""
    with pytest.raises(FerError, match="one of the two is allowed"):
        dataclasses.replace(STANDARD, class_weights=True, oversample=True)


def test_votes_travel_into_the_training(
    few_faces: object, tmp_path: Path, planned: Callable[..., object]
) -> None:
    """A CSV of votes changes what a run learns, and the manifest names it."""
    from fer_contract.dataset import FaceData
    from fer_contract.manifest import RunManifest
    from fer_trainer.material import load_material
    from fer_trainer.plan import Plan
    from fer_trainer.training.train import train

    assert isinstance(few_faces, FaceData)
    table = tmp_path / "votes.csv"
    names = [name for split in ("train", "validation") for name in
             few_faces.load(split).names]  # fmt: skip
    rows = "".join(f"{name},1,2,3,4\n" for name in names)
    table.write_text("file,happiness,neutral,sadness,surprise\n" + rows)
    material = load_material(few_faces, votes=table)
    shares = material.vote_shares()
    assert shares is not None
    np.testing.assert_allclose(shares[0], [0.1, 0.2, 0.3, 0.4])
    plan = planned(epochs=1, votes=table, votes_share=1.0, monitor="val_votes_accuracy")
    assert isinstance(plan, Plan)
    manifest: RunManifest = train(
        material, tmp_path / "run", plan, say=lambda _line: None
    )
    assert manifest.data["votes"]["source"] == "votes.csv"
    assert manifest.training["votes"] == "votes.csv"
    # Surprise is every face's majority, and a target of nothing else is soon learnt.
    assert manifest.training["best_value"] > 0.9
