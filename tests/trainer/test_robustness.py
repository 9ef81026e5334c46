"""Changes of known amounts, and the curves that are measured with them."""

import numpy as np
import numpy.typing as npt
import pytest

from fer_contract.dataset import FaceSet
from fer_contract.preprocess import Pixels
from fer_trainer.evaluation.majority import NONE
from fer_trainer.evaluation.robustness import (
    DISTURBANCES,
    Disturbance,
    blurred,
    brighter,
    coarsened,
    contrasted,
    lit_from_a_side,
    noisy,
    robustness,
    rotated,
    scaled,
    shifted,
)


@pytest.fixture
def faces() -> Pixels:
    """Eight faces of 48x48: grey, with a white rectangle about the middle."""
    pixels = np.full((8, 48, 48, 1), 100, dtype=np.uint8)
    pixels[:, 17:31, 15:34] = 200
    return pixels


def marked(row: int, column: int, size: int = 3) -> Pixels:
    """Four black faces of 24x24 with one white mark about a place."""
    pixels = np.zeros((4, 24, 24, 1), dtype=np.uint8)
    reach = size // 2
    pixels[:, row - reach : row + reach + 1, column - reach : column + reach + 1] = 255
    return pixels


def centres(faces: Pixels) -> npt.NDArray[np.float64]:
    """Row and column of each face's centre of light, (N, 2)."""
    light = faces[..., 0].astype(np.float64)
    light /= light.sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[: faces.shape[1], : faces.shape[2]]
    return np.stack([(light * rows).sum((1, 2)), (light * columns).sum((1, 2))], axis=1)


@pytest.mark.parametrize("kind", DISTURBANCES, ids=lambda kind: kind.name)
def test_every_level_of_every_change(kind: Disturbance, faces: Pixels) -> None:
    """Faces of the same kind come out, those given stay; levels are in order."""
    before = faces.copy()
    assert kind.nothing in kind.levels
    assert list(kind.levels) == sorted(kind.levels)
    for level in kind.levels:
        if level == kind.nothing:
            continue
        changed = kind.change(faces, level)
        assert (changed.shape, changed.dtype.name) == (faces.shape, "uint8")
        assert (changed != faces).any()
        assert (changed == kind.change(faces, level)).all()
    assert (faces == before).all()


def test_light(faces: Pixels) -> None:
    """To the grey level, and clipped at both ends."""
    assert set(np.unique(brighter(faces, 40))) == {140, 240}
    assert set(np.unique(brighter(faces, 120))) == {220, 255}
    assert set(np.unique(brighter(faces, -120))) == {0, 80}
    mean = faces[0].mean()
    flat = contrasted(faces, 0.5)
    assert set(np.unique(flat)) == {round((100 + mean) / 2), round((200 + mean) / 2)}


def test_light_from_a_side(faces: Pixels) -> None:
    """One side keeps its light, the other keeps a tenth; sides take turns."""
    lit = lit_from_a_side(faces, 0.9)
    assert (lit[0, 0, 0, 0], lit[0, 0, -1, 0]) == (100, 10)
    assert (lit[1, 0, 0, 0], lit[1, 0, -1, 0]) == (10, 100)


def test_noise(faces: Pixels) -> None:
    """As much as asked for."""
    grain = noisy(faces, 10).astype(np.float64) - faces
    assert grain.std() == pytest.approx(10, rel=0.05)


def test_sharpness(faces: Pixels) -> None:
    """Edges soften the more, and what is far away loses them."""
    for change, amounts in ((blurred, (0.5, 1, 2)), (coarsened, (48, 24, 8))):
        steps = [
            np.abs(np.diff(change(faces, amount)[..., 0].astype(int), axis=2)).max()
            for amount in amounts
        ]
        assert 100 >= steps[0] > steps[1] > steps[2]
        assert change(faces, amounts[0]).mean() == pytest.approx(faces.mean(), abs=1)


def test_place() -> None:
    """Moved by a share of the side, each way in turn; turned counter-clockwise."""
    moved = centres(shifted(marked(12, 12), 0.125)) - (12, 12)
    assert moved == pytest.approx(
        np.array([[0, 3], [0, -3], [3, 0], [-3, 0]]), abs=0.01
    )
    above = centres(rotated(marked(4, 11), 45)) - (11.5, 11.5)
    assert (above[:, 0] < 0).all()
    assert (above[:, 1] < -3).all()  # a mark on top goes to the left
    wider = centres(scaled(marked(11, 17), 1.3))[:, 1] - 11.5
    assert wider == pytest.approx([1.3 * 5.5] * 4, abs=0.1)


def test_curves() -> None:
    """A model that goes by brightness alone fails where that changes, only there."""
    levels = np.repeat([60, 180], 10).astype(np.uint8)
    classes = np.repeat([0, 1], 10)
    split = FaceSet(
        split="validation",
        labels=("dark", "light"),
        faces=np.broadcast_to(levels[:, None, None, None], (20, 8, 8, 1)).copy(),
        classes=classes,
        names=tuple(f"validation/{k}.png" for k in range(20)),
        digests=tuple(f"{k:064x}" for k in range(20)),
    )
    votes = np.where(np.arange(20) < 4, NONE, classes)
    votes[4:6] = 1  # people saw something else than the label
    asked: list[int] = []

    def answer(faces: Pixels) -> npt.NDArray[np.float64]:
        asked.append(len(faces))
        light = (faces.mean(axis=(1, 2, 3)) > 120).astype(int)
        return np.asarray(np.eye(2)[light], dtype=np.float64)

    curves = {part.disturbance.name: part for part in robustness(answer, split, votes)}
    facts = {name: part.facts() for name, part in curves.items()}
    points = {point["level"]: point for point in facts["brightness"]["points"]}
    assert points[0]["accuracy"] == points[40]["accuracy"] == 1.0
    assert points[80]["accuracy"] == points[-80]["accuracy"] == 0.5
    assert points[0]["votes_accuracy"] == pytest.approx(14 / 16)
    assert points[0]["accuracy_95"][0] == pytest.approx(0.839, abs=0.001)
    assert points[0]["accuracy_95"][1] == 1.0
    for name in ("contrast", "blur", "resolution", "scale", "shift", "rotation"):
        assert {part["accuracy"] for part in facts[name]["points"]} == {1.0}
    # The unchanged faces are judged once.
    changed = sum(len(part.levels) - 1 for part in DISTURBANCES)
    assert asked == [20] * (changed + 1)
    without = robustness(answer, split, None)[0].facts()
    assert "votes_accuracy" not in without["points"][0]
