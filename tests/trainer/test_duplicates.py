"""Faces that are there twice are found; faces that are not are left alone."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.errors import DataError
from fer_contract.preprocess import Pixels
from fer_trainer.exploration.duplicates import (
    drop_leaks,
    find_duplicates,
    perceptual_hashes,
)


def face_set(split: str, faces: Pixels, classes: list[int] | None = None) -> FaceSet:
    """Return a set of two labels with these pixels (N, H, W)."""
    count = len(faces)
    return FaceSet(
        split=split,
        labels=("happy", "sad"),
        faces=faces[..., np.newaxis],
        classes=np.array(classes or [index % 2 for index in range(count)]),
        names=tuple(f"{split}/x/{index}.jpg" for index in range(count)),
        digests=tuple("0" * 64 for _ in range(count)),
    )


@pytest.fixture
def photographs() -> Pixels:
    """Forty pictures that have nothing in common, (40, 48, 48).

    Amplitudes fall with frequency, as in photographs of faces.
    """
    rng = np.random.default_rng(8)
    frequency = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.rfftfreq(48)[None])
    frequency[0, 0] = np.inf
    noise = np.fft.rfft2(rng.normal(size=(40, 48, 48)))
    pictures = np.fft.irfft2(noise / frequency**1.7)
    spread = pictures.std(axis=(1, 2), keepdims=True)
    return np.asarray(np.clip(128 + 50 * pictures / spread, 0, 255), dtype=np.uint8)


def test_faces_that_differ(photographs: Pixels) -> None:
    """No group, nothing too many."""
    found = find_duplicates([face_set("train", photographs)])
    assert found.groups == ()
    assert found.surplus == 0


def test_the_same_pixels(photographs: Pixels) -> None:
    """Three copies are one group, and two faces too many."""
    three = photographs[[*range(40), 5, 5]]
    (group,) = find_duplicates([face_set("train", three)]).groups
    assert group.exact
    assert [member.index for member in group.members] == [5, 40, 41]
    assert not group.crosses
    assert group.contradicts


def changed(face: Pixels, how: str) -> Pixels:
    """Return the same photograph, stored another way."""
    if how == "jpeg":
        _, stored = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 60])
        read = cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE)
        assert read is not None
        return np.array(read, dtype=np.uint8)
    if how == "light":
        return np.clip(0.8 * face.astype(float) + 20, 0, 255).astype(np.uint8)
    if how == "shift":
        return np.roll(face, 1, axis=1).astype(np.uint8)
    larger = cv2.resize(face, (50, 50), interpolation=cv2.INTER_AREA)
    return larger[1:49, 1:49].astype(np.uint8)


@pytest.mark.parametrize("how", ["jpeg", "light", "shift", "zoom"])
def test_the_same_photograph(photographs: Pixels, how: str) -> None:
    """Stored again, lit, shifted or cut a little otherwise, it is found."""
    again = np.stack([changed(face, how) for face in photographs])
    parts = [face_set("train", photographs), face_set("validation", again)]
    groups = find_duplicates(parts).groups
    pairs = {
        tuple((part.part, part.index) for part in group.members) for group in groups
    }
    wanted = {((0, index), (1, index)) for index in range(40)}
    assert pairs <= wanted
    assert len(pairs) >= 38
    assert all(group.crosses and not group.exact for group in groups)


def test_blank_faces(photographs: Pixels) -> None:
    """Two black ones are the same; a black and a white one are not."""
    blanks = np.stack([np.full((48, 48), grey, dtype=np.uint8) for grey in (0, 0, 255)])
    both = np.concatenate([photographs, blanks])
    (group,) = find_duplicates([face_set("train", both)]).groups
    assert [member.index for member in group.members] == [40, 41]


def test_hashes_count_frequencies_not_light(photographs: Pixels) -> None:
    """A face lit otherwise has the same 64 bits, another has about half of them."""
    faces = photographs[..., np.newaxis]
    hashes = perceptual_hashes(faces)
    dimmed = perceptual_hashes((0.5 * faces + 60).astype(np.uint8))

    def bits(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        return np.array([int(word).bit_count() for word in words])

    assert bits(hashes ^ dimmed).max() <= 6
    assert 24 < bits(hashes ^ np.roll(hashes, 1)).mean() < 40


def test_bits_are_counted_without_numpy_2(
    photographs: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table for numpy 1 finds the same groups."""
    twice = face_set("train", photographs[[*range(40), 3]])
    wanted = find_duplicates([twice])
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert find_duplicates([twice]) == wanted


def test_leaks_are_left_out_of_training(photographs: Pixels) -> None:
    """Faces that are in a set to be judged on go, exact and near; others stay."""
    train = face_set("train", photographs[:30])
    judged = np.stack(
        [photographs[3], changed(photographs[4], "jpeg"), photographs[35]]
    )
    validation = face_set("validation", judged)
    test = face_set("test", photographs[[7, 36]])
    left, dropped = drop_leaks(train, [validation, test])
    assert dropped == {"exact": 2, "near": 1}
    gone = {f"train/x/{index}.jpg" for index in (3, 4, 7)}
    assert set(train.names) - set(left.names) == gone
    assert len(left.faces) == len(left.classes) == 27


def test_duplicates_within_training_are_no_leak(photographs: Pixels) -> None:
    """They stay."""
    train = face_set("train", photographs[[*range(20), 0]])
    left, dropped = drop_leaks(train, [face_set("test", photographs[30:])])
    assert len(left) == 21
    assert dropped == {"exact": 0, "near": 0}


def test_nothing_left_of_a_class(photographs: Pixels) -> None:
    """One line that names it."""
    train = face_set("train", photographs[:4], [0, 0, 0, 1])
    judged = face_set("test", photographs[3:8])
    with pytest.raises(DataError, match="no face of train/sad is left"):
        drop_leaks(train, [judged])


def test_leaks_do_not_decide_a_training(photographs: Pixels, tmp_path: Path) -> None:
    """With --drop-leaks the manifest says what went, and the digest changes."""
    from fer_trainer.material import load_material

    for split, chosen in (("train", range(20)), ("validation", range(16, 24))):
        for index in chosen:
            folder = tmp_path / "faces" / split / ("happy", "sad")[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{index}.png"), photographs[index])
    data = FaceData(tmp_path / "faces")
    whole, clean = load_material(data), load_material(data, without_leaks=True)
    assert (len(whole.train), len(clean.train)) == (20, 16)
    assert clean.facts()["dropped"] == {"exact": 4, "near": 0}
    assert "dropped" not in whole.facts()
    digests = [part.facts()["splits"]["train"]["digest"] for part in (whole, clean)]
    assert digests[0] != digests[1]
    assert (
        dataclasses.replace(whole, train=clean.train).facts()["splits"]["train"]
        == clean.facts()["splits"]["train"]
    )


def test_duplicates_of_the_real_data(shared: Path) -> None:
    """One face in 13 could go; 14 % of validation is in train, too."""
    data = FaceData(shared / "data" / "Facial_emotion_images.zip")
    parts = [data.load(split) for split in data.splits]
    found = find_duplicates(parts)
    assert 0.07 < found.surplus / 22_751 < 0.10
    leaked = {
        member.name
        for group in found.groups
        if group.crosses
        for member in group.members
        if member.part == 1
    }
    assert 0.12 < len(leaked) / 2442 < 0.16
    left, dropped = drop_leaks(parts[0], parts[1:])
    assert len(left) == 20_181 - sum(dropped.values())
    again = find_duplicates([left, *parts[1:]]).groups
    assert not [
        group for group in again if group.crosses and group.members[0].part == 0
    ]
