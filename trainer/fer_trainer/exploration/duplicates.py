"""Faces that are there twice: the same file, the same pixels, the same photograph.

Near-duplicates are found by a perceptual hash and confirmed by their pixels, at the
best of all shifts by up to two: FER2013 has many photographs that were cut twice. The
bounds were set by eye on its four classes, on 28 pairs drawn from each range: from a
correlation of 0.92 on all show one photograph, from 0.90 to 0.92 two do not, and below
0.88 most do not. Mirrored copies are not looked for: there are about ten.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_contract.preprocess import Pixels

MOST_DIFFERENT_BITS = 14
"""Of 64; pairs further apart are not compared."""
LEAST_CORRELATION = 0.92
"""Of the pixels that two faces have in common, each less its mean."""
MOST_SHIFT = 2
"""Pixels by which one face is held against the other, each way."""

_SIDE = 8  # of the square of frequencies that makes a hash of 64 bits
_ROWS = 256  # faces held against all others at a time: 50 MB for 25,000
_COMPARED = 256  # pairs whose pixels are compared at a time: 20 MB
_SHIFTS = range(-MOST_SHIFT, MOST_SHIFT + 1)

Hashes = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Member:
    """One face of a group: its set and place, and what it is called."""

    part: int
    """Index of its FaceSet in what was searched."""
    index: int
    """In that FaceSet."""
    name: str
    """``split/label/file``."""
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that are one photograph; at least two."""

    members: tuple[Member, ...]
    exact: bool
    """All of them have the same pixels."""

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(member.name for member in self.members)

    @property
    def crosses(self) -> bool:
        """Whether it has faces of several sets: a leak."""
        return len({member.part for member in self.members}) > 1

    @property
    def contradicts(self) -> bool:
        """Whether its faces have several labels."""
        return len({member.label for member in self.members}) > 1


@dataclass(frozen=True, slots=True)
class Duplicates:
    """All groups, the largest first."""

    groups: tuple[Group, ...]

    @property
    def surplus(self) -> int:
        """Faces that could go without a photograph being lost."""
        return sum(len(group.members) - 1 for group in self.groups)


def find_duplicates(parts: Sequence[FaceSet]) -> Duplicates:
    """Find faces that are there several times, within and across sets.

    Args:
        parts: of one size of face; some seconds and 250 MB for 25,000 faces.
    """
    faces = np.concatenate([part.faces for part in parts])
    members = [
        Member(number, index, name, part.labels[part.classes[index]])
        for number, part in enumerate(parts)
        for index, name in enumerate(part.names)
    ]
    leader = np.arange(len(faces))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]  # halves the way for the next one
            index = int(leader[index])
        return index

    for first, second in _pairs(faces):
        one, other = sorted((lead(first), lead(second)))
        leader[other] = one
    found: dict[int, list[int]] = {}
    for index in range(len(faces)):
        found.setdefault(lead(index), []).append(index)
    groups = [
        Group(
            tuple(members[index] for index in group),
            exact=len({faces[index].tobytes() for index in group}) == 1,
        )
        for group in found.values()
        if len(group) > 1
    ]
    groups.sort(key=lambda group: (-len(group.members), group.names))
    return Duplicates(tuple(groups))


def drop_leaks(
    train: FaceSet, judging: Sequence[FaceSet]
) -> tuple[FaceSet, dict[str, int]]:
    """Leave out training faces that are in a set to be judged on, too.

    Args:
        train: to learn from.
        judging: validation, test.

    Returns:
        What is left of ``train``, and how many faces went, exact and near ones.

    Raises:
        DataError: nothing would be left of a class.
    """
    gone: dict[int, str] = {}
    for group in find_duplicates([train, *judging]).groups:
        if group.crosses:
            kind = "exact" if group.exact else "near"
            gone |= {member.index: kind for member in group.members if not member.part}
    left = train.take([index for index in range(len(train)) if index not in gone])
    for label, count in left.counts().items():
        if not count:
            raise DataError(
                f"--drop-leaks: no face of {train.split}/{label} is left; all are in "
                "validation or test too"
            )
    kinds = list(gone.values())
    return left, {kind: kinds.count(kind) for kind in ("exact", "near")}


def perceptual_hashes(faces: Pixels) -> Hashes:
    """Return 64 bits a face that change little when the picture does.

    The lowest 8x8 frequencies of the cosine transform, without the mean of rows and
    columns, each above their median or not.

    Args:
        faces: uint8 (N, H, W, 1).

    Returns:
        (N,).
    """
    height, width = faces.shape[1:3]
    rows, columns = _cosines(height), _cosines(width)
    pixels = faces[..., 0].astype(np.float32)
    low = rows @ pixels @ columns.T  # (N, 8, 8)
    low = low.reshape(len(faces), _SIDE * _SIDE)
    bits = low > np.median(low, axis=1, keepdims=True)
    packed: Hashes = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return packed


def _cosines(length: int) -> npt.NDArray[np.float32]:
    places = np.pi * (2 * np.arange(length) + 1) / (2 * length)
    waves = np.outer(np.arange(1, _SIDE + 1), places)
    return np.asarray(np.cos(waves), dtype=np.float32)


def _pairs(faces: Pixels) -> Iterator[tuple[int, int]]:
    """Find pairs of one photograph."""
    hashes = perceptual_hashes(faces)
    for start in range(0, len(hashes), _ROWS):
        rows = hashes[start : start + _ROWS, np.newaxis]
        near = _bit_count(rows ^ hashes[np.newaxis, start:]) <= MOST_DIFFERENT_BITS
        first, second = np.nonzero(np.triu(near, k=1))
        # In parts, since a set of blank faces is all pairs.
        for part in range(0, len(first), _COMPARED):
            one = first[part : part + _COMPARED] + start
            other = second[part : part + _COMPARED] + start
            chosen = _are_alike(faces[one, ..., 0], faces[other, ..., 0])
            yield from zip(one[chosen].tolist(), other[chosen].tolist(), strict=True)


def _are_alike(one: Pixels, other: Pixels) -> npt.NDArray[np.bool_]:
    """Return for each pair (N, H, W) whether it shows one photograph, (N,)."""
    # A face of one grey level has no correlation, with its like either.
    alike = np.asarray((one == other).all(axis=(1, 2)))
    height, width = one.shape[1:]
    # Sums of whole numbers are exact in 64 bits: one grey level varies by 0.
    first, second = one.astype(np.float64), other.astype(np.float64)
    first_sums, second_sums = _window_sums(first), _window_sums(second)
    first_squares, second_squares = _window_sums(first**2), _window_sums(second**2)
    for down, right in itertools.product(_SHIFTS, _SHIFTS):
        here, there = (down, right), (-down, -right)
        products = np.einsum(
            "nij,nij->n",
            first[:, _overlap(down, height), _overlap(right, width)],
            second[:, _overlap(-down, height), _overlap(-right, width)],
        )
        shared = (height - abs(down)) * (width - abs(right))  # pixels
        together = shared * products - first_sums[here] * second_sums[there]
        spread = np.sqrt(
            (shared * first_squares[here] - first_sums[here] ** 2)
            * (shared * second_squares[there] - second_sums[there] ** 2)
        )
        alike |= (spread > 0) & (together >= LEAST_CORRELATION * spread)
    return alike


def _overlap(shift: int, length: int) -> slice:
    return slice(max(shift, 0), length + min(shift, 0))


def _window_sums(faces: Sums) -> dict[tuple[int, int], Sums]:
    """Return for each shift the sum of what overlaps then, a face, (N,)."""
    rows, columns = _windows(faces.shape[1]), _windows(faces.shape[2])
    sums = rows @ faces @ columns.T  # (N, 5, 5)
    return {
        (down, right): sums[:, down + MOST_SHIFT, right + MOST_SHIFT]
        for down, right in itertools.product(_SHIFTS, _SHIFTS)
    }


def _windows(length: int) -> Sums:
    """Return a row a shift, with 1 for what overlaps then, else 0."""
    windows = np.zeros((len(_SHIFTS), length))
    for row, shift in zip(windows, _SHIFTS, strict=True):
        row[_overlap(shift, length)] = 1
    return windows


_BYTE_BITS = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


def _bit_count(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Count the bits of each word; numpy has no such function before 2.0."""
    if hasattr(np, "bitwise_count"):
        counts: npt.NDArray[np.uint8] = np.bitwise_count(words)
        return counts
    single = words[..., np.newaxis].view(np.uint8)
    return np.asarray(_BYTE_BITS[single].sum(axis=-1), dtype=np.uint8)
