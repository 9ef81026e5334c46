"""What two boxes have in common."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Box
from fer_edge.boxes import distinct, grown, likeness, overlap, shared_area, side_of

boxes = st.builds(
    Box,
    x=st.floats(-500.0, 4000.0),
    y=st.floats(-500.0, 4000.0),
    width=st.floats(1.0, 2000.0),
    height=st.floats(1.0, 2000.0),
)


def _box(x: float, y: float = 0.0, side: float = 100.0) -> Box:
    return Box(x, y, side, side)


@given(first=boxes, second=boxes)
def test_overlap_of_two(first: Box, second: Box) -> None:
    """The overlap is the same from either side, and a share."""
    share = overlap(first, second)
    assert share == pytest.approx(overlap(second, first), rel=1e-12)
    assert 0.0 <= share <= 1.0 + 1e-9


@given(box=boxes)
def test_overlap_with_itself(box: Box) -> None:
    """A box covers itself, up to the rounding of its edges."""
    assert overlap(box, box) == pytest.approx(1.0, rel=1e-9)


def test_overlap_known() -> None:
    """Halves, quarters, and boxes that only touch."""
    square = _box(0.0)
    assert overlap(square, Box(0.0, 0.0, 50.0, 100.0)) == 0.5
    assert overlap(square, Box(25.0, 25.0, 50.0, 50.0)) == 0.25
    for x, y in itertools.product((-100.0, 0.0, 100.0), repeat=2):
        assert overlap(square, _box(x, y)) == (1.0 if (x, y) == (0.0, 0.0) else 0.0)


@given(first=boxes, second=boxes)
def test_likeness_of_two(first: Box, second: Box) -> None:
    """It is the same from either side, and no more than the overlap."""
    assert likeness(first, second) == pytest.approx(likeness(second, first), rel=1e-12)
    assert 0.0 <= likeness(first, second) <= overlap(first, second)


def test_likeness_known() -> None:
    """A box in another counts less than one of the same size that shares as much."""
    square = _box(0.0)
    assert likeness(square, square) == 1.0
    assert likeness(square, Box(0.0, 0.0, 50.0, 100.0)) == 0.25
    # Moved by a third of its side, a square shares half of the union.
    assert likeness(square, _box(100.0 / 3.0)) == pytest.approx(0.5)


@given(box=boxes)
def test_grown(box: Box) -> None:
    """It reaches farther on each side by the share of the side, round its centre."""
    assert grown(box, 0.0) == box
    larger = grown(box, 0.5)
    assert side_of(larger) == pytest.approx(2.0 * side_of(box))
    assert shared_area(larger, box) == pytest.approx(box.width * box.height)
    assert larger.x + larger.width / 2 == pytest.approx(box.x + box.width / 2)
    assert larger.y + larger.height / 2 == pytest.approx(box.y + box.height / 2)


def test_several_boxes_of_one_face() -> None:
    """Of boxes in one another the largest stays; neighbours stay, too."""
    face, mouth = Box(0.0, 0.0, 100.0, 100.0), Box(25.0, 55.0, 40.0, 40.0)
    shifted, neighbour = Box(8.0, 0.0, 95.0, 95.0), Box(80.0, 0.0, 90.0, 90.0)
    assert distinct([mouth, shifted, neighbour, face]) == [face, neighbour]
    assert distinct([]) == []


def test_boxes_of_known_faces() -> None:
    """What shares half of itself with a known face is not returned."""
    face, again = Box(0.0, 0.0, 100.0, 100.0), Box(5.0, 0.0, 90.0, 90.0)
    neighbour = Box(80.0, 0.0, 90.0, 90.0)
    assert distinct([again, neighbour], [face]) == [neighbour]
    assert distinct([], [face]) == []
