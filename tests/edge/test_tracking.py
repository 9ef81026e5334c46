"""The tracker: which face of this frame is which of the last."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Box
from fer_edge.boxes import shared_area
from fer_edge.tracking import Tracked, Tracker, TrackingSettings

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


@pytest.mark.parametrize("step", [0.0, 30.0, 60.0, 90.0, -90.0])
def test_face_that_moves(step: float) -> None:
    """A face that moves by almost its size a frame keeps its number."""
    tracker = Tracker(_SETTINGS)
    for frame in range(50):
        tracked = tracker.update([_box(step * frame)], 0.1 * frame)
        assert tracked == Tracked(((1, _box(step * frame)),), ())


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


def test_new_face_that_jumps() -> None:
    """A face of unknown speed is the same one about its own size away, not farther."""
    # Moved by d, a square of 200, its own 100 grown by half on each side, shares
    # (200 - d) / (200 + d) with itself: 0.3 at 107.
    for distance, expected in ((106.0, [1]), (109.0, [2])):
        tracker = Tracker(_SETTINGS)
        tracker.update([_box(0.0)], 0.0)
        assert _numbers(tracker.update([_box(distance)], 0.5)) == expected


def test_known_face_that_jumps() -> None:
    """A face that has long been still is not the one that appears beside it."""
    tracker = Tracker(_SETTINGS)
    for frame in range(30):
        tracker.update([_box(0.0)], frame / 30.0)
    assert _numbers(tracker.update([_box(80.0)], 1.0)) == [2]


def test_face_of_another_size() -> None:
    """A face in the same place, but of half the size, is another face."""
    tracker = Tracker(_SETTINGS)
    tracker.update([_box(0.0)], 0.0)
    assert _numbers(tracker.update([_box(25.0, 25.0, 50.0)], 0.1)) == [2]


def test_face_that_comes_near() -> None:
    """A face that doubles its size in a second keeps its number."""
    tracker = Tracker(_SETTINGS)
    for frame in range(11):
        side = 100.0 * 2.0 ** (frame / 10.0)
        box = _box(-side / 2.0, -side / 2.0, side)
        assert _numbers(tracker.update([box], 0.1 * frame)) == [1]


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


def test_face_behind_another() -> None:
    """A face that passes behind a larger one comes back with its own number."""
    tracker = Tracker(_SETTINGS)
    near = _box(300.0, 0.0, 150.0)
    for frame in range(31):
        far = _box(20.0 * frame, 40.0, 80.0)
        hidden = shared_area(near, far) > 0.5 * 80.0 * 80.0
        tracked = tracker.update([near] if hidden else [near, far], frame / 20.0)
        assert _numbers(tracked) == ([1] if hidden else [1, 2])


@pytest.mark.parametrize(
    "box",
    [
        Box(math.nan, 0.0, 100.0, 100.0),
        Box(0.0, math.inf, 100.0, 100.0),
        Box(0.0, 0.0, math.nan, 100.0),
        Box(0.0, 0.0, 100.0, -100.0),
        Box(0.0, 0.0, 0.0, 100.0),
        Box(0.0, 0.0, math.inf, math.inf),
        Box(0.0, -1e30, 1e30, 1e30),
    ],
    ids=str,
)
def test_what_is_no_box(box: Box) -> None:
    """It is passed over, and spoils nothing of the others."""
    tracker = Tracker(_SETTINGS)
    for frame in range(3):
        faces = [box, _box(10.0 * frame), box]
        tracked = tracker.update(faces, 0.1 * frame)
        assert tracked == Tracked(((1, _box(10.0 * frame)),), ())


# ------------------------------------------------- in frames that no detector searched


def _walk(tracker: Tracker, step: float, frames: int) -> float:
    """Show a face that moves by a step each tenth of a second; return the time."""
    now = 0.0
    for frame in range(frames):
        now = 0.1 * frame
        tracker.update([_box(step * frame)], now)
    return now


def test_expected_face() -> None:
    """A face that moves steadily is expected where it will be, in its size."""
    tracker = Tracker(_SETTINGS)
    now = _walk(tracker, 20.0, 20)
    for ahead in (0.05, 0.1, 0.15):
        ((number, box),) = tracker.predict(now + ahead, 480, 640).seen
        assert number == 1
        assert box.x == pytest.approx(20.0 * 19 + 200.0 * ahead, abs=4.0)
        assert box.y == pytest.approx(0.0, abs=1e-6)
        assert box.width == pytest.approx(100.0)
        assert box.height == pytest.approx(100.0)


def test_expected_shape() -> None:
    """A box that is no square is expected in its shape."""
    tracker = Tracker(_SETTINGS)
    for frame in range(3):
        tracker.update([Box(0.0, 0.0, 60.0, 80.0)], 0.1 * frame)
    ((_, box),) = tracker.predict(0.25, 480, 640).seen
    assert box.height / box.width == pytest.approx(80.0 / 60.0)


def test_face_that_the_last_search_missed() -> None:
    """It is not expected anywhere until it is found again."""
    tracker = Tracker(_SETTINGS)
    now = _walk(tracker, 5.0, 5)
    assert tracker.update([], now + 0.1) == Tracked((), ())
    assert tracker.predict(now + 0.15, 480, 640) == Tracked((), ())
    tracker.update([_box(30.0)], now + 0.2)
    assert _numbers(tracker.predict(now + 0.25, 480, 640)) == [1]


def test_face_that_leaves_the_frame() -> None:
    """It is expected as long as half of it is in the frame."""
    tracker = Tracker(_SETTINGS)
    now = _walk(tracker, 30.0, 6)  # at 150 of 240, and 300 a second to the right
    # At 170 + 50 its half is beyond the border.
    assert _numbers(tracker.predict(now + 0.05, 240, 240)) == [1]
    assert _numbers(tracker.predict(now + 0.2, 240, 240)) == []
    assert tracker.predict(now + 0.3, 240, 240).lost == ()


def test_face_that_is_not_searched_for() -> None:
    """A second after the last search no face is expected any more, wherever it was."""
    tracker = Tracker(TrackingSettings(lost_seconds=5.0))
    now = _walk(tracker, 0.0, 5)
    assert _numbers(tracker.predict(now + 0.99, 480, 640)) == [1]
    assert tracker.predict(now + 1.01, 480, 640) == Tracked((), ())
    assert tracker.predict(now + 5.01, 480, 640) == Tracked((), (1,))


def test_doubt_of_a_new_face() -> None:
    """It is to be looked for again soon; later, when its motion is known, less soon."""
    tracker = Tracker(_SETTINGS)
    assert not tracker.in_doubt(0.0)
    tracker.update([_box(0.0)], 0.0)
    assert tracker.in_doubt(0.15)
    now = _walk(tracker, 10.0, 20)
    assert not tracker.in_doubt(now + 0.2)
    assert tracker.in_doubt(now + 1.0)


def test_doubt_of_a_missed_face() -> None:
    """It is looked for again and again for a while, but not for ever."""
    tracker = Tracker(TrackingSettings(lost_seconds=5.0))
    now = _walk(tracker, 0.0, 20)
    tracker.update([], now + 0.1)
    assert tracker.in_doubt(now + 0.15)
    tracker.update([], now + 0.2)
    assert tracker.in_doubt(now + 0.25)
    tracker.update([], now + 0.4)
    assert not tracker.in_doubt(now + 0.45)


def test_doubt_of_two_that_cross() -> None:
    """While two overlap both are looked for; side by side they are not."""
    for distance, expected in ((50.0, True), (110.0, False)):
        tracker = Tracker(_SETTINGS)
        for frame in range(20):
            tracker.update([_box(0.0), _box(distance)], 0.1 * frame)
        assert tracker.in_doubt(1.95) is expected


@given(
    frames=st.lists(
        st.tuples(
            st.one_of(st.none(), st.lists(boxes, max_size=6)), st.floats(-1.0, 2.0)
        ),
        max_size=12,
    )
)
def test_any_boxes_at_any_times(
    frames: list[tuple[list[Box] | None, float]],
) -> None:
    """Every box has a number of its own, and a lost number never comes back.

    Frames without boxes are those that no detector searched. The clock may jump back.
    """
    tracker = Tracker(_SETTINGS)
    now, largest, gone = 0.0, 0, set[int]()
    for faces, pause in frames:
        now += pause
        tracker.in_doubt(now)
        if faces is None:
            tracked = tracker.predict(now, 480, 640)
        else:
            tracked = tracker.update(faces, now)
            assert [box for _, box in tracked.seen] == faces
        numbers = _numbers(tracked)
        assert len(set(numbers)) == len(numbers)
        assert not gone & set(tracked.lost)
        gone |= set(tracked.lost)
        assert not gone & set(numbers)
        new = [number for number in numbers if number > largest]
        assert new == list(range(largest + 1, largest + 1 + len(new)))
        assert not new or faces is not None
        largest += len(new)
        for _, box in tracked.seen:
            assert all(map(math.isfinite, (box.x, box.y, box.width, box.height)))
            assert min(box.width, box.height) > 0.0
