"""From labelled faces to events, on a drawn scene and on real faces."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_trainer.synthetic import Video, draw_video
from processes import run_command


def test_a_drawn_scene_is_told_as_it_was_acted(bundle: Path, tmp_path: Path) -> None:
    """Each act of the known time line is one episode, told within a second."""
    video = tmp_path / "scene.avi"
    acts = draw_video(video, Video())
    done = run_command(
        "fer-edge", "replay", video, "--bundle", bundle,
        "--start", "2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event for event in events if event["type"] == "new"]
    assert [event["emotion"] for event in told] == [act.emotion for act in acts]
    for event, act in zip(told, acts, strict=True):
        second = float(event["at"].removesuffix("Z").rsplit(":", 1)[1])
        assert -0.3 <= second - act.start_seconds <= 1.0
    assert {event["track"] for event in events} == {1}


@pytest.fixture(scope="module")
def real_data(shared: Path) -> Path:
    """The real faces, as they lie there."""
    return shared / "data" / "Facial_emotion_images.zip"


def test_the_real_data_is_read_straight_from_its_zip(real_data: Path) -> None:
    """Counts are those that its README names."""
    data = FaceData(real_data)
    assert data.labels == ("happy", "neutral", "sad", "surprise")
    assert data.splits == ("train", "validation", "test")
    counts = {"happy": 7215, "neutral": 4965, "sad": 4830, "surprise": 3171}
    assert data.load("train").counts() == counts
    assert len(data.load("validation")) == 2442
    assert set(data.load("test").counts().values()) == {32}


def test_a_video_of_real_faces_gives_events(
    real_data: Path, real_bundle: Path, tmp_path: Path
) -> None:
    """Through the whole chain: trained, converted, replayed."""
    video = tmp_path / "faces.avi"
    draw_faces_video(real_data, video)
    done = run_command("fer-edge", "replay", video, "--bundle", real_bundle)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    begun = {event["id"] for event in events if event["type"] == "new"}
    assert begun
    assert begun == {event["id"] for event in events if event["type"] == "end"}


def draw_faces_video(data: Path, path: Path) -> None:
    """Show eight validation faces for 1.5 s each, enlarged in a grey scene."""
    faces = FaceData(data).load("validation").faces[::310]
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480)
    )
    for face in faces:
        scene = np.full((480, 640, 3), 128, dtype=np.uint8)
        large = cv2.resize(face, (200, 200), interpolation=cv2.INTER_CUBIC)
        scene[140:340, 220:420] = large[:, :, np.newaxis]
        for _ in range(15):
            writer.write(scene)
    writer.release()
