"""Recordings played as they were recorded."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fer_contract.preprocess import Pixels
from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.moment import read_clocks

WriteVideo = Callable[[Path, Iterable[Pixels], float], Path]

_START = datetime(2024, 1, 1, tzinfo=UTC)
_LONG = 20.0
_RATE = 20.0


@pytest.fixture
def camera(tmp_path: Path, write_video: WriteVideo) -> Camera:
    """Half a second of video, at 20 frames a second, as it was recorded."""
    shades = [np.full((48, 64, 3), 20 * index, np.uint8) for index in range(10)]
    path = write_video(tmp_path / "a.avi", shades, _RATE)
    return open_camera(CameraSettings(source=str(path), pace="recorded"), _START)


def _rest(camera: Camera) -> list[Frame]:
    frames: list[Frame] = []
    while True:
        try:
            frame = camera.read(_LONG)
        except EndOfFrames:
            return frames
        assert frame is not None
        frames.append(frame)


def _number(frame: Frame) -> int:
    return round(float(frame.pixels.mean()) / 20)


def test_frames_at_their_times(camera: Camera) -> None:
    """No frame comes before its time; time and date are those of the recording."""
    begun = read_clocks().seconds
    first = camera.read(_LONG)
    assert first is not None
    zero = first.taken.seconds
    assert begun <= zero <= read_clocks().seconds
    frames = [first, *_rest(camera)]
    assert read_clocks().seconds - zero >= 9 / _RATE
    for frame in frames:
        seconds = _number(frame) / _RATE
        assert frame.taken.seconds - zero == pytest.approx(seconds, abs=0.001)
        assert frame.taken.at - _START == pytest.approx(
            timedelta(seconds=seconds), abs=timedelta(seconds=0.001)
        )


def test_every_frame_is_given_or_counted(camera: Camera) -> None:
    """A reader that is too slow misses frames, in order, and hears how many."""
    frames = [camera.read(_LONG)]
    time.sleep(4.5 / _RATE)
    frames += _rest(camera)
    given = [frame for frame in frames if frame is not None]
    assert _number(given[1]) >= 4
    for before, frame in pairwise(given):
        assert frame.dropped == _number(frame) - _number(before) - 1
    assert _number(given[-1]) == 9


def test_reader_that_is_too_early(camera: Camera) -> None:
    """It waits for its time only, and nothing is lost by it."""
    first = camera.read(_LONG)
    assert first is not None
    nothing = 0
    numbers = []
    while True:
        try:
            frame = camera.read(0.001)
        except EndOfFrames:
            break
        nothing += frame is None
        numbers += [_number(frame)] if frame else []
    assert nothing > 0
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 9


def test_end(camera: Camera) -> None:
    """It is told at every call; a reader that sleeps for ages gets the last frame."""
    camera.read(_LONG)
    time.sleep(11 / _RATE)
    last = camera.read(0.0)
    assert last is not None
    assert (_number(last), last.dropped) == (9, 8)
    for _ in range(2):
        with pytest.raises(EndOfFrames):
            camera.read(_LONG)
    camera.close()


def test_as_fast_as_possible(tmp_path: Path, write_video: WriteVideo) -> None:
    """The pace that a recording has by default never waits and drops nothing."""
    shades = [np.full((48, 64, 3), 2 * index, np.uint8) for index in range(100)]
    path = write_video(tmp_path / "a.avi", shades, 1.0)
    camera = open_camera(CameraSettings(source=str(path)), _START)
    begun = time.monotonic()
    assert len(_rest(camera)) == 100
    assert time.monotonic() - begun < 50


@pytest.mark.parametrize("pace", ["fast", "recorded"])
def test_recording_of_a_camera_on_its_side(
    tmp_path: Path, write_video: WriteVideo, pace: str
) -> None:
    """Recordings are turned as live frames are."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24] = 200
    path = write_video(tmp_path / "a.avi", [picture], 10.0)
    settings = CameraSettings(source=str(path), rotation=90, pace=pace)
    (frame,) = _rest(open_camera(settings, _START))
    assert frame.pixels.shape == (64, 48, 3)
    left, right = frame.pixels[:, :20].mean(), frame.pixels[:, 28:].mean()
    assert (round(float(left) / 200), round(float(right) / 200)) == (0, 1)
