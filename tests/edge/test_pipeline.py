"""The pipeline: a frame in, its events out."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fer_contract.preprocess import Box, InputSpec, Pixels
from fer_edge.boxes import overlap
from fer_edge.cameras import Frame
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.detectors import Detector
from fer_edge.detectors.haar import HaarDetector
from fer_edge.episodes import EpisodeSettings
from fer_edge.events import EventType
from fer_edge.locating import Locator
from fer_edge.moment import Moment
from fer_edge.pipeline import Pipeline
from fer_edge.tracking import TrackingSettings
from fer_trainer.synthetic import Square

_START = datetime(2024, 1, 1, tzinfo=UTC)
_AT_ONCE = EpisodeSettings(
    smoothing_seconds=0.0, trigger_seconds=0.0, refractory_seconds=0.0
)
_BLACK: Pixels = np.zeros((480, 640, 3), np.uint8)


class GivenBoxes:
    """Finds the boxes that it was given, in every frame."""

    name = "given"

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = list(boxes)

    def detect(self, frame: Pixels) -> list[Box]:
        assert frame.ndim == 3
        return self.boxes

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        assert frame.ndim == 3
        return [face for face in self.boxes if overlap(box, face) > 0.0]


class Brightness:
    """Takes bright faces for happy and dark ones for sad."""

    name = "brightness"
    input = InputSpec(8, 8, 0.0)
    labels = ("happy", "sad")
    threshold = 0.7
    runtime = "none"
    state = ClassifierState(Device.CPU, since=0.0)

    def scores(self, face: Pixels) -> Mapping[str, float]:
        assert face.shape == self.input.shape
        share = float(face.mean()) / 255.0
        return {"happy": share, "sad": 1.0 - share}

    def close(self) -> None:
        """Nothing is held."""


def _frame(pixels: Pixels, seconds: float) -> Frame:
    return Frame(pixels, Moment(seconds, _START + timedelta(seconds=seconds)))


def _every_frame(
    detector: Detector, tracking: TrackingSettings | None = None
) -> Locator:
    return Locator(detector, 0.0, 0.0, tracking or TrackingSettings())


def _pipeline(boxes: Sequence[Box], settings: EpisodeSettings = _AT_ONCE) -> Pipeline:
    return Pipeline("door", _every_frame(GivenBoxes(boxes)), Brightness(), settings)


def test_one_face() -> None:
    """Its events name camera, face, model and episode, and count on."""
    pipeline = _pipeline([Box(10.0, 10.0, 60.0, 60.0)])
    (begun,) = pipeline.process(_frame(_BLACK, 0.0)).events
    assert pipeline.process(_frame(_BLACK, 0.9)).events == ()
    (ended,) = pipeline.close()
    assert begun.type is EventType.NEW
    assert begun.id == ended.id == "door-20240101T000000000000-1"
    assert (begun.seq, ended.seq) == (1, 2)
    assert (begun.camera, begun.track, begun.model) == ("door", 1, "brightness")
    assert (begun.emotion, begun.score) == ("sad", 1.0)
    assert begun.scores == {"happy": 0.0, "sad": 1.0}
    assert (begun.started_at, begun.at, begun.ended_at) == (_START, _START, None)
    assert ended.type is EventType.END
    assert ended.ended_at == ended.at == _START + timedelta(seconds=0.9)
    assert pipeline.faces == 2


def test_no_frame() -> None:
    """Without a frame there is nothing to end."""
    assert _pipeline([]).close() == []


def test_face_that_leaves() -> None:
    """Its episode ended when it was last seen; the next face is another."""
    detector = GivenBoxes([Box(10.0, 10.0, 60.0, 60.0)])
    locator = _every_frame(detector, TrackingSettings(lost_seconds=1.0))
    pipeline = Pipeline("door", locator, Brightness(), _AT_ONCE)
    pipeline.process(_frame(_BLACK, 0.0))
    pipeline.process(_frame(_BLACK, 0.5))
    face, detector.boxes = detector.boxes, []
    assert pipeline.process(_frame(_BLACK, 1.5)).events == ()
    (ended,) = pipeline.process(_frame(_BLACK, 2.0)).events
    assert (ended.type, ended.track) == (EventType.END, 1)
    assert ended.ended_at == _START + timedelta(seconds=0.5)
    assert ended.at == _START + timedelta(seconds=2.0)
    detector.boxes = face
    (begun,) = pipeline.process(_frame(_BLACK, 2.1)).events
    assert (begun.type, begun.track) == (EventType.NEW, 2)
    assert begun.id != ended.id


def test_threshold_of_0() -> None:
    """A threshold of 0 takes the model's own, any other is taken itself."""
    # 60 % happy: below the model's 0.7.
    pixels = np.full((480, 640, 3), 153, np.uint8)
    face = [Box(10.0, 10.0, 60.0, 60.0)]
    (begun,) = _pipeline(face).process(_frame(pixels, 0.0)).events
    assert begun.emotion == "uncertain"
    own = EpisodeSettings(trigger_seconds=0.0, threshold=0.55)
    (begun,) = _pipeline(face, own).process(_frame(pixels, 0.0)).events
    assert begun.emotion == "happy"


def test_two_hundred_faces(
    classifier: CpuClassifier, event_judge: Draft202012Validator
) -> None:
    """A crowd is told face by face: each has one episode, begun and ended."""
    boxes = [
        Box(32.0 * column, 48.0 * row, 30.0, 30.0)
        for column in range(20)
        for row in range(10)
    ]
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    locator = _every_frame(GivenBoxes(boxes))
    pipeline = Pipeline("square", locator, classifier, EpisodeSettings())
    events = [
        event
        for index in range(5)
        for event in pipeline.process(_frame(frame, 0.1 * index)).events
    ]
    events += pipeline.close()
    assert [event.seq for event in events] == list(range(1, 401))
    assert [event.type.value for event in events] == ["new"] * 200 + ["end"] * 200
    assert len({event.id for event in events}) == 200
    assert {event.track for event in events} == set(range(1, 201))
    assert pipeline.faces == 1000
    for event in events:
        event_judge.validate(json.loads(event.to_json()))


@given(
    boxes=st.lists(
        st.builds(
            Box,
            x=st.floats(-900.0, 900.0),
            y=st.floats(-900.0, 900.0),
            width=st.floats(1.0, 1500.0),
            height=st.floats(1.0, 1500.0),
        ),
        max_size=4,
    )
)
def test_faces_at_the_border(
    boxes: list[Box], classifier: CpuClassifier, scene: tuple[Pixels, Square]
) -> None:
    """A face over the border, or beyond it, is told like any other."""
    locator = _every_frame(GivenBoxes(boxes))
    pipeline = Pipeline("door", locator, classifier, _AT_ONCE)
    events = pipeline.process(_frame(scene[0], 0.0)).events
    assert [event.track for event in events] == list(range(1, len(boxes) + 1))
    assert len(pipeline.close()) == len(boxes)


def test_drawn_scene(
    classifier: CpuClassifier,
    scene: tuple[Pixels, Square],
    event_judge: Draft202012Validator,
) -> None:
    """The real parts together: the one face of a scene is followed and told."""
    locator = Locator(HaarDetector(48, 480), 0.2, 1.0, TrackingSettings())
    pipeline = Pipeline("door", locator, classifier, EpisodeSettings())
    events = [
        event
        for index in range(10)
        for event in pipeline.process(_frame(scene[0], 0.1 * index)).events
    ]
    events += pipeline.close()
    assert [(event.type.value, event.track) for event in events] == [
        ("new", 1),
        ("end", 1),
    ]
    for event in events:
        event_judge.validate(json.loads(event.to_json()))
        assert event.model == classifier.name
        assert sum(event.scores.values()) == pytest.approx(1.0, abs=0.0005)
