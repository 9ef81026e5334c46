"""The tracker: which face of this frame is which of the last."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Box
from fer_edge.tracking import Tracked, Tracker, TrackingSettings, overlap

_SETTINGS = TrackingSettings(min_overlap=0.3, lost_seconds=1.0)

boxes = st.builds(
    Box,
    x=st.floats(-500.0, 4000.0),
    y=st.floats(-500.0, 4000.0),
    width=st.floats(1.0, 2000.0),
    height=st.floats(1.0, 2000.0),
)


def _box(x: float, y: float = 0.0, side: float = 100.0) -> Box:
    return Box(x, y, side, side)


def _numbers(tracked: Tracked) -> list[int]:
    return [number for number, _ in tracked.seen]


def test_face_that_moves() -> None:
    """A face that moves by less than its size a frame keeps its number."""
    tracker = Tracker(_SETTINGS)
    for frame in range(50):
        tracked = tracker.update([_box(30.0 * frame)], 0.1 * frame)
        assert tracked == Tracked(((1, _box(30.0 * frame)),), ())


def test_two_faces_that_cross_apart() -> None:
    """Two faces that pass each other keep their numbers, whatever their order."""
    tracker = Tracker(_SETTINGS)
    assert _numbers(tracker.update([_box(0.0), _box(600.0, 90.0)], 0.0)) == [1, 2]
    for frame in range(1, 31):
        right, left = _box(20.0 * frame), _box(600.0 - 20.0 * frame, 90.0)
        turned = frame % 2 == 1
        faces = [left, right] if turned else [right, left]
        tracked = tracker.update(faces, 0.1 * frame)
        assert _numbers(tracked) == ([2, 1] if turned else [1, 2])


def test_two_faces_near_one_track() -> None:
    """Of two boxes on one track the better overlap has it, the other is a new face."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    assert _numbers(tracker.update([_box(40.0), _box(10.0)], 0.1)) == [2, 1]


def test_new_face() -> None:
    """A new face has a number that none had before."""
    tracker = Tracker(_SETTINGS)
    assert _numbers(tracker.update([_box(0.0)], 0.0)) == [1]
    assert _numbers(tracker.update([_box(300.0), _box(0.0)], 0.1)) == [2, 1]
    tracker.update([], 5.0)
    assert _numbers(tracker.update([_box(0.0)], 5.1)) == [3]


def test_face_that_jumps() -> None:
    """A face that overlaps its last place too little is another face."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    # Moved by d, a square of 100 shares (100 - d) / (100 + d) with itself.
    assert _numbers(tracker.update([_box(53.0)], 0.1)) == [1]
    assert _numbers(tracker.update([_box(53.0 + 54.0)], 0.2)) == [2]


def test_short_disappearance() -> None:
    """A face that is away for lost_seconds at most keeps its number."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    assert tracker.update([], 0.5) == Tracked((), ())
    assert tracker.update([_box(5.0)], 1.0) == Tracked(((1, _box(5.0)),), ())


def test_long_disappearance() -> None:
    """A face that is away for longer is lost, and is told to be so once."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    assert tracker.update([], 1.0).lost == ()
    assert tracker.update([], 1.01).lost == (1,)
    assert tracker.update([], 1.02).lost == ()
    assert tracker.update([_box(0.0)], 1.03) == Tracked(((2, _box(0.0)),), ())


def test_gap_in_the_frames() -> None:
    """After a gap longer than lost_seconds the same place has a new face."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    assert tracker.update([_box(0.0)], 60.0) == Tracked(((2, _box(0.0)),), (1,))


def test_clock_that_jumps_back() -> None:
    """A clock that jumps back loses no face."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 100.0)
    assert tracker.update([_box(0.0)], 1.0) == Tracked(((1, _box(0.0)),), ())
    assert tracker.update([_box(0.0)], 1.1) == Tracked(((1, _box(0.0)),), ())


def test_two_hundred_faces() -> None:
    """A crowd that sways keeps its numbers, in whatever order its boxes come."""
    chance = random.Random(0)
    tracker = Tracker(_SETTINGS)
    places = [
        (120.0 * column, 120.0 * row) for column in range(20) for row in range(10)
    ]
    tracker.update([_box(x, y) for x, y in places], 0.0)
    for frame in range(1, 6):
        order = chance.sample(range(200), 200)
        crowd = [
            _box(
                places[index][0] + chance.uniform(-9.0, 9.0),
                places[index][1] + chance.uniform(-9.0, 9.0),
            )
            for index in order
        ]
        tracked = tracker.update(crowd, 0.1 * frame)
        assert _numbers(tracked) == [index + 1 for index in order]
        assert tracked.lost == ()


@given(
    frames=st.lists(
        st.tuples(st.lists(boxes, max_size=6), st.floats(0.0, 2.0)), max_size=12
    )
)
def test_any_boxes_at_any_times(
    frames: list[tuple[list[Box], float]],
) -> None:
    """Every box has a number of its own, and a lost number never comes back."""
    tracker = Tracker(_SETTINGS)
    now, largest, gone = 0.0, 0, set[int]()
    for faces, pause in frames:
        now += pause
        tracked = tracker.update(faces, now)
        assert [box for _, box in tracked.seen] == faces
        numbers = _numbers(tracked)
        assert len(set(numbers)) == len(numbers)
        assert not gone & set(tracked.lost)
        gone |= set(tracked.lost)
        assert not gone & set(numbers)
        new = [number for number in numbers if number > largest]
        assert new == list(range(largest + 1, largest + 1 + len(new)))
        largest += len(new)


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
