"""How fast the device is: what is measured, and of how many frames."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.preprocess import Box, InputSpec, Pixels
from fer_edge.bench import WARM_UP_FRAMES, as_table, bench, compare_models
from fer_edge.boxes import overlap
from fer_edge.cameras import EndOfFrames
from fer_edge.cameras.drawn import Drawn
from fer_edge.cameras.paced import PacedReplay
from fer_edge.cameras.repeated import Repeated
from fer_edge.cameras.replay import VideoReplay
from fer_edge.classifiers import ClassifierState
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.detectors.haar import HaarDetector
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import CameraError
from fer_edge.locating import Locator
from fer_edge.pipeline import Pipeline
from fer_edge.tracking import TrackingSettings
from fer_trainer.synthetic import Expression, Person, draw_scene

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]

_BEGUN = datetime(2024, 1, 1, tzinfo=UTC)


class OneBox:
    """Finds one face at a place."""

    name = "one box"

    def detect(self, frame: Pixels) -> list[Box]:
        assert frame.ndim == 3
        return [Box(20.0, 20.0, 100.0, 100.0)]

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        return [face for face in self.detect(frame) if overlap(box, face) > 0.0]


def _pipeline(classifier: CpuClassifier) -> Pipeline:
    locator = Locator(OneBox(), 0.0, 0.0, TrackingSettings())
    return Pipeline("bench", locator, classifier, EpisodeSettings())


def test_the_drawn_scene_is_that_of_the_trainer() -> None:
    """Made by ``draw_scene`` with seed 1, and not of a data set."""
    rng = np.random.default_rng(1)
    cast = [(Person.random(rng), Expression.of("happy", rng))]
    frame, _ = draw_scene(cast, rng=rng)
    kept = Drawn().read(1.0).pixels
    assert kept.shape == (480, 640, 3)
    # What JPEG loses.
    difference = np.abs(kept.astype(np.int64) - frame.astype(np.int64))
    assert difference.mean() < 4.0


def test_the_drawn_scene_has_one_face() -> None:
    """Found by the detector that needs no file."""
    assert len(HaarDetector(48, 640).detect(Drawn().read(1.0).pixels)) == 1


def test_a_recording_that_is_repeated(video: Path) -> None:
    """So many frames as asked for, their times going on as they began."""
    whole = 0
    camera = VideoReplay(video, _BEGUN)
    while True:
        try:
            camera.read(1.0)
        except EndOfFrames:
            break
        whole += 1
    camera.close()
    count = 2 * whole + 5
    repeated = Repeated(lambda: VideoReplay(video, _BEGUN), count)
    taken = [repeated.read(1.0) for _ in range(count)]
    with pytest.raises(EndOfFrames):
        repeated.read(1.0)
    repeated.close()
    seconds = [frame.taken.seconds for frame in taken if frame is not None]
    assert len(seconds) == count
    steps = np.diff(seconds)
    np.testing.assert_allclose(steps, steps[0], atol=1e-3)


def test_frames_that_a_camera_dropped(video: Path) -> None:
    """They are counted, also where a measurement stands before the camera."""
    repeated = Repeated(lambda: PacedReplay(VideoReplay(video, _BEGUN)), 2)
    assert repeated.read(10.0)
    time.sleep(0.5)
    frame = repeated.read(10.0)
    assert frame is not None
    assert frame.dropped >= 3
    repeated.close()


def test_every_stage_is_measured(classifier: CpuClassifier) -> None:
    """Shares sum to 1, percentiles ascend, and the warm-up does not count."""
    figures = bench(Drawn, _pipeline(classifier), 60, live=False)
    assert figures["frames"] == 60 - WARM_UP_FRAMES
    assert (figures["width"], figures["height"]) == (640, 480)
    assert figures["faces_a_frame"] == 1.0
    assert list(figures["stages"]) == [
        "capture", "detect", "track", "crop", "classify", "tell", "publish",
    ]  # fmt: skip
    shares = [row["share"] for row in figures["stages"].values()]
    assert sum(shares) == pytest.approx(1.0, abs=1e-3)
    for row in figures["stages"].values():
        assert 0 <= row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert figures["frames_a_second_without_capture"] >= figures["frames_a_second"] > 0
    assert 20 < figures["memory"]["resident_mb"] <= figures["memory"]["peak_mb"]


@pytest.mark.parametrize(("count", "told"), [(60, False), (2100, True)])
def test_growth_of_the_memory(
    classifier: CpuClassifier, count: int, told: bool
) -> None:
    """It is told of so many frames that it is not the filling of caches."""
    figures = bench(Drawn, _pipeline(classifier), count, live=False)
    assert ("KB a thousand frames" in as_table(figures)[-1]) == told


def test_fewer_frames_than_warm_it_up(classifier: CpuClassifier) -> None:
    """One line."""
    with pytest.raises(CameraError, match="10 frames; more than 10 are needed"):
        bench(Drawn, _pipeline(classifier), WARM_UP_FRAMES, live=False)


class Slow:
    """Takes a known part longer than it has to."""

    name = "slow"
    input = InputSpec(48, 48, 0.0)
    threshold = 0.5

    runtime = "the same"

    def __init__(self, inner: CpuClassifier) -> None:
        self._inner = inner
        self.labels = inner.labels

    @property
    def state(self) -> ClassifierState:
        return self._inner.state

    def close(self) -> None:
        """Nothing is open."""

    def scores(self, face: Pixels) -> dict[str, float]:
        for _ in range(20):
            found = dict(self._inner.scores(face))
        return found


def test_models_side_by_side(classifier: CpuClassifier) -> None:
    """A row each, with the ratio to the first: twenty times the work takes longer."""
    rows = compare_models([classifier, Slow(classifier)], rounds=50)
    assert [row["model"] for row in rows] == [classifier.name, "slow"]
    assert rows[0]["ratio"] == 1.0
    assert rows[1]["ratio"] > 3.0


def test_the_command(run: Run, video: Path, bundle: Path, tmp_path: Path) -> None:
    """A table for people, and all figures as JSON."""
    path = tmp_path / "figures.json"
    done = run(
        "bench", video, "--frames", "40", "--bundle", bundle, "--compare", bundle,
        "--out", path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(path.read_text())
    assert figures["source"] == str(video)
    assert figures["frames"] == 30
    assert len(figures["models"]) == 2
    assert f"{figures['frames_a_second']:,} frames a second" in done.stdout
    for stage in figures["stages"]:
        assert f"\n{stage}  " in done.stdout


def test_the_command_with_a_configuration(
    run: Run, video: Path, tmp_path: Path
) -> None:
    """That asks for the recording's own pace, ten frames a second: not here."""
    config, path = tmp_path / "fer-edge.toml", tmp_path / "figures.json"
    config.write_text('[camera]\npace = "recorded"\n')
    done = run("bench", video, "--frames", "20", "--config", config, "--out", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(path.read_text())["stages"]["capture"]["p50_ms"] < 50.0


def test_the_command_without_a_source(run: Run) -> None:
    """The drawn scene, with the released model."""
    done = run("bench", "--frames", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 frames of 640x480, 1.00 faces in each" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--frames", "3"), "3 is not in the range"),
        (("nowhere.avi",), "nowhere.avi: no such file or folder"),
        (("--out", "/nowhere/figures.json", "--frames", "20"), "/nowhere/figures"),
        (("--out", "/dev/full", "--frames", "20"), "/dev/full: No space left"),
        (("--compare", "/nowhere", "--frames", "20"), "/nowhere"),
    ],
)
def test_the_command_given_what_it_cannot_use(
    run: Run, arguments: tuple[str, ...], says: str
) -> None:
    """One line and exit code 2."""
    done = run("bench", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_that_is_damaged(tmp_path: Path) -> None:
    """Of the package: one line that says what to do."""
    assert cv2.imread(str(Drawn.PATH)) is not None
    path = tmp_path / "drawn.jpg"
    path.write_bytes(b"no picture")

    class Damaged(Drawn):
        PATH = path

    with pytest.raises(CameraError, match="missing or damaged; reinstall"):
        Damaged()
