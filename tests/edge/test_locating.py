"""Which frames a detector sees, and what is known of the others."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Box, Pixels
from fer_edge.detectors.haar import HaarDetector
from fer_edge.locating import Locator
from fer_edge.tracking import TrackingSettings
from fer_trainer.synthetic import Video

_FRAME: Pixels = np.zeros((480, 640, 3), np.uint8)
_FACE = Box(100.0, 100.0, 80.0, 80.0)


class CountingDetector:
    """Finds the boxes that it was given, and counts how often it is asked."""

    name = "counting"

    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.asked = 0

    def detect(self, frame: Pixels) -> list[Box]:
        assert frame.ndim == 3
        self.asked += 1
        return self.boxes


def _locator(detector: CountingDetector, every_seconds: float = 0.2) -> Locator:
    return Locator(detector, every_seconds, TrackingSettings())


@pytest.mark.parametrize("frames_per_second", [5, 10, 15, 30, 60])
def test_searches_a_second(frames_per_second: int) -> None:
    """An empty room is searched every 0.2 seconds, however many frames there are."""
    detector = CountingDetector()
    locator = _locator(detector)
    for frame in range(10 * frames_per_second):
        locator.locate(_FRAME, frame / frames_per_second)
    # Whole frame times go by between two searches, and these are not exact in binary.
    interval = math.ceil(0.2 * frames_per_second) / frames_per_second
    longest = interval + 1.0 / frames_per_second
    assert 10.0 / longest <= detector.asked <= 10.0 / interval + 1


def test_every_frame() -> None:
    """With every_seconds 0 each frame is searched, even at the same time."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector, every_seconds=0.0)
    for now in (0.0, 0.0, 0.1, 0.2):
        locator.locate(_FRAME, now)
    assert detector.asked == 4


def test_first_frame() -> None:
    """The first frame is searched, whatever the clock says."""
    for now in (-1e9, 0.0, 1e9):
        assert _locator(CountingDetector()).due(_FRAME, now)


def test_face_that_is_followed() -> None:
    """Between two searches a face has its number and its place."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(90):
        ((number, box),) = locator.locate(_FRAME, frame / 30.0).seen
        assert number == 1
        assert box.x == pytest.approx(_FACE.x, abs=1.0)
    assert detector.asked < 30


def test_face_that_is_missed() -> None:
    """It is looked for in the next frames, not only when the time has come."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(30):
        locator.locate(_FRAME, frame / 30.0)
    detector.boxes = []
    while locator.locate(_FRAME, (frame := frame + 1) / 30.0).seen:
        assert frame < 40
    asked = detector.asked
    detector.boxes = [_FACE]
    assert locator.locate(_FRAME, (frame + 1) / 30.0).seen == ((1, _FACE),)
    assert detector.asked == asked + 1


def test_face_that_has_gone() -> None:
    """Its end is told, and the empty room is searched no more often than before."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    lost: list[int] = []
    for frame in range(150):
        if frame == 30:
            detector.boxes = []
        if frame == 90:
            detector.asked = 0
        lost += locator.locate(_FRAME, frame / 30.0).lost
    assert lost == [1]
    assert detector.asked <= 10


def test_frame_of_another_size() -> None:
    """It is searched at once: no motion leads from one size to another."""
    locator = _locator(CountingDetector(_FACE), every_seconds=1.0)
    for frame in range(30):
        locator.locate(_FRAME, frame / 10.0)
    now = 2.9
    locator.locate(np.zeros((960, 1280, 3), np.uint8), now)
    assert locator.due(_FRAME, now)
    locator.locate(_FRAME, now)
    assert not locator.due(_FRAME, now)


def test_clock_that_jumps_back() -> None:
    """The next frame is searched, and the face keeps its number."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(30):
        locator.locate(_FRAME, 1000.0 + frame / 30.0)
    assert locator.due(_FRAME, 5.0)
    assert locator.locate(_FRAME, 5.0).seen == ((1, _FACE),)
    assert not locator.due(_FRAME, 5.05)


@given(
    faces=st.lists(
        st.builds(
            Box,
            x=st.floats(-900.0, 900.0),
            y=st.floats(-900.0, 900.0),
            width=st.floats(1.0, 1500.0),
            height=st.floats(1.0, 1500.0),
        ),
        max_size=4,
    ),
    pauses=st.lists(st.floats(-0.1, 0.5), max_size=10),
)
def test_any_faces_at_any_times(faces: list[Box], pauses: list[float]) -> None:
    """A box is that of a search, or at most every_seconds younger than one."""
    detector = CountingDetector(*faces)
    locator = _locator(detector)
    now, sought = 0.0, -math.inf
    for pause in pauses:
        now += pause
        asked = detector.asked
        tracked = locator.locate(_FRAME, now)
        if detector.asked > asked:
            sought = now
            assert [box for _, box in tracked.seen] == faces
        else:
            assert 0.0 <= now - sought < 0.2
            assert len(tracked.seen) <= len(faces)


def test_drawn_person() -> None:
    """A real detector sees half of the frames at most, and no face is missing.

    A face is expected about where the detector would have found it.
    """
    detector = HaarDetector(48, 320)
    locator = Locator(detector, 0.3, TrackingSettings())
    video = Video(seed=3, seconds=2.0, frames_per_second=15.0, width=320, height=240)
    expected = searched = 0
    for frame, pixels in enumerate(video.frames()):
        now = frame / 15.0
        due = locator.due(pixels, now)
        searched += due
        seen = locator.locate(pixels, now).seen
        assert [number for number, _ in seen] == [1]
        if due:
            continue
        expected += 1
        (box,) = detector.detect(pixels)
        ((_, guess),) = seen
        assert guess.x == pytest.approx(box.x, abs=0.2 * box.width)
        assert guess.y == pytest.approx(box.y, abs=0.2 * box.width)
    assert searched <= 15
    assert expected >= 15
