"""Which frames a detector sees, and what is known of the others."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Box, Pixels
from fer_edge.boxes import grown, shared_area
from fer_edge.detectors.haar import HaarDetector
from fer_edge.locating import Locator, Look
from fer_edge.tracking import TrackingSettings
from fer_trainer.synthetic import Video

_FRAME: Pixels = np.zeros((480, 640, 3), np.uint8)
_FACE = Box(100.0, 100.0, 80.0, 80.0)
_OTHER = Box(400.0, 100.0, 80.0, 80.0)


class CountingDetector:
    """Finds the boxes that it was given, and counts how often it is asked."""

    name = "counting"

    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.asked = 0
        self.asked_near = 0
        self.searches_in_vain = False

    def detect(self, frame: Pixels) -> list[Box]:
        assert frame.ndim == 3
        self.asked += 1
        return [] if self.searches_in_vain else self.boxes

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        assert frame.ndim == 3
        self.asked_near += 1
        return [face for face in self.boxes if shared_area(face, grown(box, 0.5))]


def _locator(
    detector: CountingDetector,
    every_seconds: float = 0.2,
    newcomer_seconds: float = 1.0,
) -> Locator:
    return Locator(detector, every_seconds, newcomer_seconds, TrackingSettings())


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
    """With both times 0 each frame is searched, even at the same time."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector, every_seconds=0.0, newcomer_seconds=0.0)
    for now in (0.0, 0.0, 0.1, 0.2):
        locator.locate(_FRAME, now)
    assert detector.asked == 4


def test_every_frame_near() -> None:
    """With every_seconds 0 a known face is looked for in each frame, near its place."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector, every_seconds=0.0)
    for frame in range(31):
        assert locator.locate(_FRAME, frame / 30.0).seen == ((1, _FACE),)
    assert detector.asked == 2
    assert detector.asked_near == 29


def test_first_frame() -> None:
    """The first frame is searched, whatever the clock says."""
    for now in (-1e9, 0.0, 1e9):
        assert _locator(CountingDetector()).due(_FRAME, now) is Look.EVERYWHERE


def test_face_that_is_followed() -> None:
    """Between two searches a face has its number and its place."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(90):
        ((number, box),) = locator.locate(_FRAME, frame / 30.0).seen
        assert number == 1
        assert box.x == pytest.approx(_FACE.x, abs=1.0)
    # Once a second for newcomers, and five times a second near the face.
    assert detector.asked == 3
    assert 10 <= detector.asked_near <= 20


@pytest.mark.parametrize("frames_per_second", [5, 10, 30])
def test_newcomer(frames_per_second: int) -> None:
    """One more face is noticed within newcomer_seconds, whenever it comes."""
    delays = []
    for entry in range(3 * frames_per_second, 5 * frames_per_second):
        detector = CountingDetector(_FACE)
        locator = _locator(detector)
        for frame in range(entry):
            locator.locate(_FRAME, frame / frames_per_second)
        detector.boxes = [_FACE, _OTHER]
        frame = entry
        while len(locator.locate(_FRAME, frame / frames_per_second).seen) == 1:
            frame += 1
        delays.append((frame - entry) / frames_per_second)
    assert max(delays) <= 1.0 + 1e-9
    assert sum(delays) / len(delays) < 0.6


def test_first_face() -> None:
    """In an empty room a face is noticed within every_seconds."""
    detector = CountingDetector()
    locator = _locator(detector)
    for frame in range(40):
        locator.locate(_FRAME, frame / 30.0)
    detector.boxes = [_FACE]
    while not locator.locate(_FRAME, frame / 30.0).seen:
        frame += 1
    assert frame / 30.0 - 39 / 30.0 <= 0.2 + 1e-9


def test_face_that_has_jumped() -> None:
    """What is not found near its place is sought everywhere in the same frame."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    frame = 0
    for frame in range(40):
        locator.locate(_FRAME, frame / 30.0)
    detector.boxes = [_OTHER]
    while (1, _OTHER.x) not in [
        (len(seen), box.x)
        for seen in [locator.locate(_FRAME, frame / 30.0).seen]
        for _, box in seen
    ]:
        frame += 1
    assert frame / 30.0 - 39 / 30.0 <= 0.2 + 1e-9


def test_face_that_a_search_misses() -> None:
    """It is looked for near its place, in the same frame: no frame is without it."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    locator.locate(_FRAME, 0.0)
    detector.searches_in_vain = True
    for frame in range(90):
        assert len(locator.locate(_FRAME, frame / 30.0).seen) == 1


def test_stranger_beside_a_face() -> None:
    """Nothing beside a known face becomes one by being near; a search is needed."""
    stranger = Box(_FACE.x + 75.0, _FACE.y, 80.0, 80.0)
    detector = CountingDetector(_FACE)
    locator = _locator(detector, newcomer_seconds=10.0)
    for frame in range(90):
        if frame == 30:
            detector.boxes = [_FACE, stranger]
        assert len(locator.locate(_FRAME, frame / 30.0).seen) == 1
    assert detector.asked == 1


def test_face_that_is_missed() -> None:
    """It is looked for in the next frames, not only when the time has come."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(30):
        locator.locate(_FRAME, frame / 30.0)
    detector.boxes = []
    while locator.locate(_FRAME, (frame := frame + 1) / 30.0).seen:
        assert frame < 40
    asked, asked_near = detector.asked, detector.asked_near
    detector.boxes = [_FACE]
    assert locator.locate(_FRAME, (frame + 1) / 30.0).seen == ((1, _FACE),)
    assert detector.asked == asked
    assert detector.asked_near == asked_near + 1


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
    assert locator.due(_FRAME, now) is Look.EVERYWHERE
    locator.locate(_FRAME, now)
    assert locator.due(_FRAME, now) is Look.NOWHERE


def test_clock_that_jumps_back() -> None:
    """The next frame is searched, and the face keeps its number."""
    detector = CountingDetector(_FACE)
    locator = _locator(detector)
    for frame in range(30):
        locator.locate(_FRAME, 1000.0 + frame / 30.0)
    assert locator.due(_FRAME, 5.0) is Look.EVERYWHERE
    assert locator.locate(_FRAME, 5.0).seen == ((1, _FACE),)
    assert locator.due(_FRAME, 5.05) is Look.NOWHERE


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
        look = locator.due(_FRAME, now)
        tracked = locator.locate(_FRAME, now)
        if look is Look.NOWHERE:
            assert 0.0 <= now - sought < 0.2
            assert len(tracked.seen) <= len(faces)
            continue
        sought = now
        assert {box for _, box in tracked.seen} <= set(faces)
        if look is Look.EVERYWHERE:
            assert [box for _, box in tracked.seen] == faces


def test_drawn_person() -> None:
    """A real detector seldom sees a whole frame, and no face is missing.

    A face is expected about where the detector would have found it.
    """
    detector = HaarDetector(48, 320)
    locator = Locator(detector, 0.2, 1.0, TrackingSettings())
    video = Video(seed=3, seconds=2.0, frames_per_second=15.0, width=320, height=240)
    expected = searched = 0
    for frame, pixels in enumerate(video.frames()):
        now = frame / 15.0
        look = locator.due(pixels, now)
        searched += look is Look.EVERYWHERE
        seen = locator.locate(pixels, now).seen
        assert [number for number, _ in seen] == [1]
        if look is not Look.NOWHERE:
            continue
        expected += 1
        (box,) = detector.detect(pixels)
        ((_, guess),) = seen
        assert guess.x == pytest.approx(box.x, abs=0.2 * box.width)
        assert guess.y == pytest.approx(box.y, abs=0.2 * box.width)
    assert searched <= 4
    assert expected >= 15
