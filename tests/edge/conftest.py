"""What the device's tests share: its program, its judge, and things to look at."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from fer_contract.preprocess import Pixels
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.events import event_schema
from fer_trainer.synthetic import (
    Expression,
    Person,
    Square,
    Video,
    draw_scene,
    draw_video,
)
from running_daemon import RunningDaemon, StartDaemon

WriteVideo = Callable[[Path, Iterable[Pixels], float], Path]
Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]

_SECONDS = 60.0
"""No command of these tests needs half of it."""


@pytest.fixture(scope="session")
def fer_edge() -> Path:
    """The command, as installed beside this Python."""
    return Path(sys.executable).parent / "fer-edge"


@pytest.fixture
def start_daemon(fer_edge: Path) -> Iterator[StartDaemon]:
    """Start ``fer-edge run``; what still runs at the end of the test is killed."""
    daemons: list[RunningDaemon] = []

    def start(config: Path, stdout: int | None = None) -> RunningDaemon:
        daemons.append(RunningDaemon(fer_edge, config, stdout))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.kill()


@pytest.fixture(scope="session")
def run(fer_edge: Path) -> Run:
    """Run the command to its end."""

    def run(*arguments: str | Path) -> Finished:
        return subprocess.run(
            [fer_edge, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    return run


@pytest.fixture(scope="session")
def event_judge() -> Draft202012Validator:
    """Judges events by the published schema, times included, and allows no other key.

    The world is to bear new keys, but here none may come by mistake.

    jsonschema's own checker lets every date-time pass unless one more package is
    installed, so this one brings its own.
    """
    formats = FormatChecker(formats=())

    @formats.checks("date-time", raises=ValueError)
    def is_date_time(value: object) -> bool:
        return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)

    schema = event_schema() | {"additionalProperties": False}
    return Draft202012Validator(schema, format_checker=formats)


@pytest.fixture(scope="session")
def classifier(bundle: Path) -> CpuClassifier:
    """The real classifier of the bundle."""
    return CpuClassifier(bundle)


@pytest.fixture
def own_bundle(bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may spoil."""
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def scene() -> tuple[Pixels, Square]:
    """A drawn person in a room of 640x480, and the square of the face."""
    rng = np.random.default_rng(1)
    cast = [(Person.random(rng), Expression.of("happy", rng))]
    frame, squares = draw_scene(cast, rng=rng)
    return frame, squares[0]


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """Write frames as a Motion JPEG video, by OpenCV's own writer."""

    def write(path: Path, frames: Iterable[Pixels], frames_per_second: float) -> Path:
        writer: cv2.VideoWriter | None = None
        for frame in frames:
            if writer is None:
                writer = cv2.VideoWriter(
                    str(path),
                    cv2.CAP_OPENCV_MJPEG,
                    cv2.VideoWriter.fourcc(*"MJPG"),
                    frames_per_second,
                    (frame.shape[1], frame.shape[0]),
                )
            writer.write(frame)
        assert writer is not None
        writer.release()
        return path

    return write


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn seconds: one person, neutral and then something else."""
    path = tmp_path_factory.mktemp("video") / "faces.avi"
    draw_video(path, Video(seed=3, seconds=8.0, width=320, height=240))
    return path


@pytest.fixture(scope="session")
def long_video(
    tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo
) -> Path:
    """Five minutes: the same drawn second again and again."""
    second = list(Video(seed=3, seconds=1.0, width=320, height=240).frames())
    path = tmp_path_factory.mktemp("video") / "long.avi"
    return write_video(path, second * 300, 10.0)
