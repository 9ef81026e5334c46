"""Augmentation changes faces by what was said and no more, the same way each time."""

import dataclasses

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.preprocess import Pixels
from fer_trainer.augment import Augmentation, augment
from fer_trainer.batches import Batches

NONE = Augmentation(
    flip=False, rotation_degrees=0, shift=0, zoom=0, brightness=0, contrast=0
)


@pytest.fixture
def faces() -> Pixels:
    """Smooth random faces in the middle of the grey range."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(60, 200, (6, 6, 6, 1)).astype(np.uint8)
    return np.kron(coarse, np.ones((1, 8, 8, 1), dtype=np.uint8))


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_no_change_asked_for(faces: Pixels) -> None:
    """The faces come back as they were."""
    np.testing.assert_array_equal(augment(faces, NONE, rng()), faces)


def test_flip_alone(faces: Pixels) -> None:
    """Each face is itself or its mirror image, and both happen."""
    changed = augment(faces, dataclasses.replace(NONE, flip=True), rng())
    same = [np.array_equal(new, old) for new, old in zip(changed, faces, strict=True)]
    mirrored = [
        np.array_equal(new, old[:, ::-1])
        for new, old in zip(changed, faces, strict=True)
    ]
    assert all(one or other for one, other in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_brightness_alone(faces: Pixels) -> None:
    """All pixels of a face move by one amount, within the limit."""
    changed = augment(faces, dataclasses.replace(NONE, brightness=20), rng())
    moved = changed.astype(int) - faces.astype(int)
    assert (moved.max(axis=(1, 2, 3)) - moved.min(axis=(1, 2, 3))).max() == 0
    assert 5 < np.abs(moved).max() <= 20


@pytest.mark.parametrize("change", ["rotation_degrees", "shift", "zoom", "contrast"])
def test_each_other_kind_alone(faces: Pixels, change: str) -> None:
    """It changes something, keeps shape and type, and stays a face of like light."""
    amount = getattr(Augmentation(), change)
    changed = augment(faces, dataclasses.replace(NONE, **{change: amount}), rng())
    assert changed.shape == faces.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, faces)
    means = changed.mean(axis=(1, 2, 3)) - faces.mean(axis=(1, 2, 3))
    assert np.abs(means).max() < 15


def test_a_shift_moves_by_at_most_its_share() -> None:
    """A dot in the middle is found again within 10 % of the side."""
    dot = np.zeros((200, 48, 48, 1), dtype=np.uint8)
    dot[:, 23:25, 23:25] = 255
    moved = augment(dot, dataclasses.replace(NONE, shift=0.1), rng())[:, :, :, 0]
    weights = moved.astype(float)
    rows = (weights.sum(axis=2) * np.arange(48)).sum(axis=1) / weights.sum(axis=(1, 2))
    distance = np.abs(rows - 23.5)
    assert 3.5 < distance.max() <= 4.8 + 0.1


def test_the_same_seed_gives_the_same_batches(few_faces: FaceData) -> None:
    """Batches depend on seed, epoch and index, not on who asked for what before."""
    train = few_faces.load("train")
    first = Batches(train, 10, Augmentation(), seed=1)
    second = Batches(train, 10, Augmentation(), seed=1)
    _ = second[0], second[0]
    for index in (6, 2, 0):
        np.testing.assert_array_equal(first[index][0], second[index][0])
        np.testing.assert_array_equal(first[index][1], second[index][1])
    other = Batches(train, 10, Augmentation(), seed=2)
    assert not np.array_equal(first[0][0], other[0][0])


def test_an_epoch_shows_every_face_once_in_a_new_order(few_faces: FaceData) -> None:
    """Shuffled without loss; the next epoch is shuffled otherwise."""
    train = few_faces.load("train")
    batches = Batches(train, 10, None, seed=1)
    epochs = []
    for _ in range(2):
        shown = np.concatenate([batches[index][0] for index in range(len(batches))])
        epochs.append(shown)
        assert sorted(map(bytes, shown)) == sorted(map(bytes, train.faces))
        batches.on_epoch_end()
    assert not np.array_equal(epochs[0], epochs[1])
