"""A changed configuration for a daemon that runs."""

import logging
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.preprocess import Pixels
from fer_edge.cameras import Frame
from fer_edge.cameras.drawn import Drawn
from fer_edge.cameras.settings import CameraSettings
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.config import Config, load_config
from fer_edge.detectors import DetectorSettings
from fer_edge.detectors.haar import HaarDetector
from fer_edge.episodes import EpisodeSettings
from fer_edge.events import Event
from fer_edge.locating import Locator, Look
from fer_edge.models import RELEASED
from fer_edge.moment import Moment
from fer_edge.pipeline import Pipeline
from fer_edge.publishers.hook import HookSettings
from fer_edge.reloading import Answer, Outcome, after, compare, log, reload
from fer_edge.tracking import TrackingSettings

_GOOD = (
    'law.purpose = "testing"\n[camera]\nsource = "rtsp://ann:sesame@127.0.0.1/door"\n'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good configuration."""
    path = tmp_path / "fer-edge.toml"
    path.write_text(_GOOD)
    return path


def _texts(answers: tuple[Answer, ...]) -> list[str]:
    return [str(answer) for answer in answers]


def test_nothing_new(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that says the same changes nothing, and that is the answer."""
    running = load_config(path)
    reloaded = reload(path, running)
    assert (reloaded.config, reloaded.answers) == (running, ())
    log(reloaded.answers)
    assert caplog.messages == ["reload: nothing has changed"]


def test_every_kind_of_key(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What can be is applied; of the rest it is said that it waits, without values."""
    running = load_config(path)
    text = _GOOD.replace("sesame", "secret") + (
        "[faces]\nevery_seconds = 0.5\nmin_face_pixels = 64\n"
        "[episodes]\nthreshold = 0.6\n"
        '[[hooks]]\ncommand = ["/bin/true"]\n'
    )
    path.write_text(text)
    reloaded = reload(path, running)
    assert _texts(reloaded.answers) == [
        "needs a restart: camera.source",
        "needs a restart: faces.min_face_pixels",
        "applied: faces.every_seconds, 0.5 instead of 0.2",
        "applied: episodes.threshold, 0.6 instead of 0.0",
        "needs a restart: hooks",
    ]
    assert reloaded.config == replace(
        running,
        faces=DetectorSettings(every_seconds=0.5),
        episodes=EpisodeSettings(threshold=0.6),
    )
    log(reloaded.answers)
    assert caplog.messages[0] == "reload: needs a restart: camera.source"
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    # What waits for the restart is told again, what holds is not.
    assert _texts(reload(path, reloaded.config).answers) == [
        "needs a restart: camera.source",
        "needs a restart: faces.min_face_pixels",
        "needs a restart: hooks",
    ]


def test_mistakes(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One mistake, and nothing of the file holds; each mistake is answered."""
    running = load_config(path)
    path.write_text(
        _GOOD + "[episodes]\nthreshold = 0.6\nhysteresis = 2\n[tracking]\nlots = 1\n"
    )
    reloaded = reload(path, running)
    assert reloaded.config is running
    assert _texts(reloaded.answers) == [
        f"rejected: {path}:6: episodes.hysteresis: 2; allowed is 0 to 1",
        f"rejected: {path}:8: tracking.lots: unknown key",
    ]
    log(reloaded.answers)
    assert caplog.messages[-1] == "reload: all stays as it was"


def test_contradiction(path: Path) -> None:
    """What would keep the daemon from starting is rejected as well."""
    running = load_config(path)
    path.write_text(_GOOD + "give_up_seconds = 1\nstall_seconds = 2\n")
    (answer,) = reload(path, running).answers
    assert answer.outcome is Outcome.REJECTED
    assert f"{path}:4: camera.give_up_seconds: 1; no more than" in str(answer)


@pytest.mark.parametrize("content", [None, b"[camera", b"\xff"])
def test_no_configuration(path: Path, content: bytes | None) -> None:
    """A file that is gone or no TOML changes nothing."""
    running = load_config(path)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    reloaded = reload(path, running)
    assert reloaded.config is running
    (answer,) = reloaded.answers
    assert answer.outcome is Outcome.REJECTED
    assert str(answer).startswith(f"rejected: {path}: ")


shares = st.floats(0.0, 1.0)
configs = st.builds(
    Config,
    camera=st.builds(CameraSettings, name=st.sampled_from(["a", "b"])),
    faces=st.builds(
        DetectorSettings, every_seconds=shares, min_face_pixels=st.integers(16, 18)
    ),
    tracking=st.builds(TrackingSettings, min_overlap=st.floats(0.05, 0.95)),
    episodes=st.builds(EpisodeSettings, threshold=shares, hysteresis=shares),
    hooks=st.sampled_from([(), (HookSettings(("/bin/true",)),)]),
)


@given(running=configs, wanted=configs)
def test_any_two_configurations(running: Config, wanted: Config) -> None:
    """Afterwards only what needs a restart differs, and that is as it was."""
    now = after(running, wanted)
    answers = compare(running, wanted)
    waiting = [a for a in answers if a.outcome is Outcome.NEEDS_RESTART]
    assert compare(now, wanted) == waiting
    assert [a.outcome for a in compare(running, now)] == [Outcome.APPLIED] * (
        len(answers) - len(waiting)
    )


def test_live_keys() -> None:
    """These are what a running daemon takes."""
    live = [
        f"{section.name}.{key.name}"
        for section in fields(Config)
        if is_dataclass(settings := getattr(Config(), section.name))
        for key in fields(settings)
        if key.metadata["live"]
    ]
    assert live == [
        "faces.every_seconds",
        "faces.newcomer_seconds",
        "tracking.min_overlap",
        "tracking.lost_seconds",
        "episodes.smoothing_seconds",
        "episodes.threshold",
        "episodes.hysteresis",
        "episodes.trigger_seconds",
        "episodes.refractory_seconds",
        "episodes.update_seconds",
        "http.preview",
        "http.preview_frames_per_second",
        "http.stale_frame_seconds",
        "http.stale_inference_seconds",
        "http.broker_seconds",
    ]


_SELDOM = DetectorSettings(every_seconds=0.5)


def test_running_episode() -> None:
    """An episode that has begun goes on under the new settings, on the same face."""
    config = Config(episodes=EpisodeSettings(trigger_seconds=0.0, update_seconds=0.0))
    locator = Locator(HaarDetector(48, 480), 0.0, 0.0, config.tracking)
    classifier = CpuClassifier(RELEASED)
    pipeline = Pipeline("door", locator, classifier, config.episodes)
    pixels = Drawn().read(1.0).pixels

    def show(first: int, count: int) -> list[Event]:
        events: list[Event] = []
        for number in range(first, first + count):
            at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            events += pipeline.process(Frame(pixels, Moment(number, at))).events
        return events

    (begun,) = show(0, 4)
    episodes = EpisodeSettings(update_seconds=1.0, threshold=begun.score / 2)
    pipeline.reconfigure(episodes, TrackingSettings(lost_seconds=10.0), _SELDOM)
    updates = show(4, 3)
    assert [event.type.value for event in updates] == ["update"] * 3
    (ended,) = pipeline.close()
    assert {event.id for event in (*updates, ended)} == {begun.id}
    assert ended.started_at == begun.started_at


def test_following() -> None:
    """Faces are sought and given up as the new settings say."""
    settings = EpisodeSettings(trigger_seconds=0.0)
    locator = Locator(
        HaarDetector(48, 480), 0.0, 0.0, TrackingSettings(lost_seconds=1.0)
    )
    pipeline = Pipeline("door", locator, CpuClassifier(RELEASED), settings)
    scene = Drawn().read(1.0).pixels
    dark = np.zeros_like(scene)

    def show(pixels: Pixels, seconds: float) -> list[str]:
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        news = pipeline.process(Frame(pixels, Moment(seconds, at))).events
        return [event.type.value for event in news]

    assert show(scene, 0.0) == ["new"]
    pipeline.reconfigure(settings, TrackingSettings(lost_seconds=3.0), _SELDOM)
    assert [show(dark, seconds) for seconds in (1.0, 2.0, 3.0)] == [[]] * 3
    assert show(dark, 3.5) == ["end"]
    assert locator.due(dark, 3.9) is Look.NOWHERE
    assert locator.due(dark, 4.0) is Look.EVERYWHERE


def test_threshold_while_it_runs() -> None:
    """A threshold of 0 is the model's own, at the beginning and after a reload."""
    classifier = CpuClassifier(RELEASED)
    settings = EpisodeSettings(trigger_seconds=0.0, refractory_seconds=0.0)
    pixels = Drawn().read(1.0).pixels
    shown = []
    for threshold in (0.0, 1.0, 0.0):
        locator = Locator(HaarDetector(48, 480), 0.0, 0.0, TrackingSettings())
        pipeline = Pipeline("door", locator, classifier, EpisodeSettings(threshold=0.3))
        pipeline.reconfigure(
            replace(settings, threshold=threshold), TrackingSettings(), _SELDOM
        )
        moment = Moment(0.0, datetime(2024, 1, 1, tzinfo=UTC))
        (event,) = pipeline.process(Frame(pixels, moment)).events
        shown.append(event.emotion)
    assert shown[0] == shown[2] != "uncertain"
    assert shown[1] == "uncertain"
