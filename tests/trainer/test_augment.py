"""Augmentation changes faces by what was said and no more, the same way each time."""

import dataclasses

import cv2
import numpy as np
import pytest

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.preprocess import Pixels
from fer_trainer.augment import augment
from fer_trainer.backend import start_keras
from fer_trainer.recipes import RECIPES, STUDY, Augmentation, Recipe
from fer_trainer.training.batches import Batches, Mixing

NONE = Augmentation(
    flip=False, rotation_degrees=0, shift=0, zoom=0, brightness=0, contrast=0
)


@pytest.fixture
def faces() -> Pixels:
    """Smooth random faces in the middle of the grey range."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(60, 200, (6, 6, 6, 1)).astype(np.uint8)
    return np.kron(coarse, np.ones((1, 8, 8, 1), dtype=np.uint8))


def batches_of(data: FaceSet, augmentation: Augmentation | None, seed: int) -> Batches:
    """Return batches of ten."""
    targets = np.eye(len(data.labels), dtype=np.float32)[data.classes]
    weights = np.ones(len(data), dtype=np.float32)
    mixing = Mixing(augmentation)
    return Batches(data, targets, weights, batch_size=10, mixing=mixing, seed=seed)


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


def test_refine_leaves_faces_nearly_as_they_are(faces: Pixels) -> None:
    """Most grey levels move by less than half of what the recipe release moves them."""
    many = np.concatenate([faces] * 20)
    moved = [
        np.median(np.abs(augment(many, one, rng()).astype(int) - many))
        for one in (
            dataclasses.replace(RECIPES[name].augmentation, flip=False)
            for name in ("release", "refine")
        )
    ]
    assert 0 < moved[1] < moved[0] / 2


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


def test_faces_that_lie_in_memory_by_columns(faces: Pixels) -> None:
    """As scaled ones do; they change as the same faces by rows."""
    by_columns = faces.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3)
    everything = dataclasses.replace(
        Augmentation(), downscale=3.0, blur=1.0, side_light=0.5, noise=9.0, erase=0.3
    )
    changed = augment(by_columns, everything, rng())
    np.testing.assert_array_equal(changed, augment(faces, everything, rng()))


def test_a_shift_moves_by_at_most_its_share() -> None:
    """A dot in the middle is found again within 10 % of the side."""
    dot = np.zeros((200, 48, 48, 1), dtype=np.uint8)
    dot[:, 23:25, 23:25] = 255
    moved = augment(dot, dataclasses.replace(NONE, shift=0.1), rng())[:, :, :, 0]
    weights = moved.astype(float)
    rows = (weights.sum(axis=2) * np.arange(48)).sum(axis=1) / weights.sum(axis=(1, 2))
    distance = np.abs(rows - 23.5)
    assert 3.5 < distance.max() <= 4.8 + 0.1


# ImageDataGenerator is old and calls SciPy by a name that is going away.
@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("degrees", [0.3, 8.0])
def test_the_study_recipe_is_that_of_its_generator(
    faces: Pixels, degrees: float
) -> None:
    """Flip, shear and brightness make the pixels of Keras' ImageDataGenerator.

    To a grey level before it is made brighter: Pillow cuts off what here is rounded,
    and OpenCV knows places between pixels to 1/32 only, hence smooth faces.
    """
    start_keras()
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator()
    faces = np.stack([cv2.GaussianBlur(face, (0, 0), 6) for face in faces])[..., None]
    count = len(faces)
    for factor in (0.0, 0.4, 1.7):
        plan = dataclasses.replace(
            STUDY.augmentation,
            shear_degrees=degrees,
            brightness_factor=(factor, factor),
        )
        ours = augment(faces, plan, rng())
        # What augment draws: angle, scale and both shifts, the mirror, the shear.
        drawn = rng()
        drawn.random(4 * count)
        mirrors = drawn.random(count) < 0.5
        angles = drawn.uniform(-degrees, degrees, count)
        assert mirrors.any()
        assert not mirrors.all()
        for face, mirror, angle, seen in zip(faces, mirrors, angles, ours, strict=True):
            wanted = generator.apply_transform(
                face.astype(np.float32),
                {"shear": angle, "brightness": factor, "flip_horizontal": mirror},
            )
            difference = np.abs(seen.astype(int) - wanted.astype(int)).max()
            assert difference <= max(1, np.ceil(1.5 * factor))


def test_trap_brightness_from_nothing_to_twice(faces: Pixels) -> None:
    """The study's factor makes faces black and clips them: still whole 0 to 255.

    Its own generator returned floats, and no one had looked at a sheet of them.
    """
    many = np.repeat(faces, 30, axis=0)
    changed = augment(many, STUDY.augmentation, rng())
    assert changed.dtype == np.uint8
    means = changed.mean(axis=(1, 2, 3)) / many.mean(axis=(1, 2, 3))
    assert means.min() < 0.1
    assert means.max() > 1.6
    assert (changed == 255).mean() > 0.05


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_each_recipe_leaves_a_face_of_the_same_kind(recipe: Recipe) -> None:
    """uint8, the same shape, something left to see in nearly every face."""
    dots = np.zeros((60, 48, 48, 1), dtype=np.uint8)
    dots[:, 8:40:8, 8:40:8] = 220
    dots += 20
    changed = augment(dots, recipe.augmentation, rng())
    assert changed.shape == dots.shape
    assert changed.dtype == np.uint8
    assert (changed.std(axis=(1, 2, 3)) > 3).mean() > 0.85


def test_downscaling_alone() -> None:
    """About half of the faces lose detail; their light stays."""
    fine = np.tile(np.array([[40, 200], [200, 40]], dtype=np.uint8), (24, 24))
    many = np.repeat(fine[np.newaxis, ..., np.newaxis], 100, axis=0)
    changed = augment(many, dataclasses.replace(NONE, downscale=3), rng())
    same = (changed == many).all(axis=(1, 2, 3))
    assert 0.3 < same.mean() < 0.7
    assert changed[~same].std(axis=(1, 2, 3)).mean() < 0.6 * many[0].std()
    assert np.abs(changed.mean(axis=(1, 2, 3)) - 120).max() < 12


def halves(faces: Pixels, plan: Augmentation) -> tuple[Pixels, Pixels]:
    """Faces that were changed, and what they were; about half of them are."""
    many = np.repeat(faces, 20, axis=0)
    changed = augment(many, plan, rng())
    hit = (changed != many).any(axis=(1, 2, 3))
    assert 0.3 < hit.mean() < 0.7
    return changed[hit], many[hit]


def test_blur_alone(faces: Pixels) -> None:
    """Edges soften; light and shape stay."""
    changed, before = halves(faces, dataclasses.replace(NONE, blur=1.5))
    edges = [np.abs(np.diff(part.astype(int), axis=1)).max() for part in changed]
    were = [np.abs(np.diff(part.astype(int), axis=1)).max() for part in before]
    assert np.mean(edges) < 0.7 * np.mean(were)
    assert np.abs(changed.mean(axis=(1, 2, 3)) - before.mean(axis=(1, 2, 3))).max() < 2


def test_noise_alone(faces: Pixels) -> None:
    """Grain of no more than was asked for, and no other light."""
    changed, before = halves(faces, dataclasses.replace(NONE, noise=10))
    grain = (changed.astype(float) - before).std(axis=(1, 2, 3))
    assert 7 < grain.max() < 11
    assert grain.min() < 4
    assert np.abs((changed.astype(float) - before).mean(axis=(1, 2, 3))).max() < 1


def test_light_from_a_side_alone() -> None:
    """It falls off evenly, to one edge, by no more than was asked for."""
    plain = np.full((6, 48, 48, 1), 200, dtype=np.uint8)
    changed, _ = halves(plain, dataclasses.replace(NONE, side_light=0.8))
    lightest = changed.max(axis=(1, 2, 3))
    darkest = changed.min(axis=(1, 2, 3))
    assert darkest.min() >= 200 * 0.2 - 1
    assert darkest.min() < 100
    assert lightest.min() > 150
    means = changed[..., 0].mean(axis=(1, 2))
    middle = changed[:, 23:25, 23:25, 0].mean(axis=(1, 2))
    assert np.abs(means - middle).max() < 1


def test_erasing_alone(faces: Pixels) -> None:
    """About half of the faces lose one rectangle of one grey level."""
    many = np.repeat(faces, 20, axis=0)
    changed = augment(many, dataclasses.replace(NONE, erase=0.5), rng())
    hit = 0
    for new, old in zip(changed[..., 0], many[..., 0], strict=True):
        rows, columns = np.nonzero(new != old)
        if not len(rows):
            continue
        hit += 1
        part = new[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert max(part.shape) <= 24
        assert len(np.unique(part[new[rows, columns][0] == part])) == 1
    assert 0.3 < hit / len(many) < 0.7


def test_the_same_seed_gives_the_same_batches(few_faces: FaceData) -> None:
    """Batches depend on seed, epoch and index, not on who asked for what before."""
    train = few_faces.load("train")
    first = batches_of(train, Augmentation(), 1)
    second = batches_of(train, Augmentation(), 1)
    _ = second[0], second[0]
    for index in (6, 2, 0):
        np.testing.assert_array_equal(first[index][0], second[index][0])
        np.testing.assert_array_equal(first[index][1], second[index][1])
    other = batches_of(train, Augmentation(), 2)
    assert not np.array_equal(first[0][0], other[0][0])


def test_an_epoch_shows_every_face_once_in_a_new_order(few_faces: FaceData) -> None:
    """Shuffled without loss; the next epoch is shuffled otherwise."""
    train = few_faces.load("train")
    batches = batches_of(train, None, 1)
    epochs = []
    for _ in range(2):
        shown = np.concatenate([batches[index][0] for index in range(len(batches))])
        epochs.append(shown)
        assert sorted(map(bytes, shown)) == sorted(map(bytes, train.faces))
        batches.on_epoch_end()
    assert not np.array_equal(epochs[0], epochs[1])
