"""A live camera is followed at any load: old frames are dropped, never queued."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median

import numpy as np

from fer_contract.preprocess import Box, InputSpec, Pixels
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.episodes import EpisodeSettings
from fer_edge.locating import Locator
from fer_edge.loop import Turn, run
from fer_edge.pipeline import Pipeline
from fer_edge.tracking import TrackingSettings
from network_camera import NetworkCamera

_TURNS = 24
_WORK_SECONDS = 0.3  # a frame; the camera gives seven of them in that time


class OneFace:
    name = "one"

    def detect(self, frame: Pixels) -> list[Box]:
        height, width = frame.shape[:2]
        return [Box(0.0, 0.0, width, height)]

    def near(self, frame: Pixels, box: Box) -> list[Box]:  # noqa: ARG002 - always there
        return self.detect(frame)


class Overloaded:
    """A device that is much too slow for its camera."""

    name = "overloaded"
    runtime = "none"
    input = InputSpec(8, 8, 0.0)
    labels = ("happy", "sad")
    threshold = 0.5
    state = ClassifierState(Device.CPU, 0.0)

    def scores(self, face: Pixels) -> Mapping[str, float]:
        time.sleep(_WORK_SECONDS)
        share = float(face.mean()) / 255.0
        return {"happy": share, "sad": 1.0 - share}

    def close(self) -> None:
        """Nothing is open."""


def test_a_camera_that_is_faster_than_the_device() -> None:
    """Events are as old at the end as at the beginning, and frames are passed over."""
    turns: list[Turn] = []
    stop = threading.Event()

    def note(turn: Turn) -> None:
        turns.append(turn)
        if len(turns) == _TURNS:
            stop.set()

    locator = Locator(OneFace(), 0.0, 0.0, TrackingSettings())
    pipeline = Pipeline("door", locator, Overloaded(), EpisodeSettings())
    with NetworkCamera() as server:
        camera = open_camera(CameraSettings(source=server.url), datetime.now(UTC))
        summary = run(camera, pipeline, [], stop, watches=[note])
    ages = [turn.age_seconds for turn in turns]
    # Queued, each frame would be a quarter of a second later than the one before.
    assert median(ages[-6:]) < median(ages[:6]) + 3 * _WORK_SECONDS
    assert min(ages) >= _WORK_SECONDS
    taken = [turn.frame.taken.seconds for turn in turns]
    assert (np.diff(taken) > 0).all()
    assert summary.frames == _TURNS
    assert summary.dropped >= 2 * _TURNS
    assert summary.dropped == sum(turn.frame.dropped for turn in turns)
