"""The same training on each backend of Keras, and on several hosts."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from addresses import free_addresses
from fer_contract.dataset import FaceData
from fer_trainer.backend import start_keras
from processes import Forked, run_forked

PROGRAM = Path(sys.executable).parent / "fer-train"
OTHERS = {"jax": "pip install jax", "torch": "pip install torch"}


def needs(backend: str) -> None:
    """Skip where a backend is not installed."""
    if backend in OTHERS and importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: {OTHERS[backend]}")


def on(backend: str) -> dict[str, str]:
    """Return an environment that asks for a backend."""
    return os.environ | {"KERAS_BACKEND": backend}


def run_on(backend: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run fer-train on a backend."""
    return subprocess.run(
        [PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=on(backend),
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend(few_faces: FaceData, tmp_path: Path, backend: str) -> None:
    """Everything at once, teacher too; what is saved answers alike on TensorFlow."""
    needs(backend)
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    common = ("--data", few_faces.source, "--epochs", "2", "--batch-size", "16")
    done = run_forked(
        "fer-train", "run", *common, "--preset", "base", "--out", teacher,
        environment=on(backend),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # A start makes no noise either; a fork could not tell.
    done = run_on(
        backend, "run", *common, "--preset", "compact", "--recipe", "strong",
        "--teacher", teacher, "--mixed-precision", "--class-weights", "--out", student,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"training on {backend} on " in done.stdout
    manifest = json.loads((student / "manifest.json").read_text())
    assert backend in manifest["versions"]
    assert manifest["training"]["devices"]["backend"] == backend
    model = start_keras().saving.load_model(student / "model.keras")
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    faces = few_faces.load("validation")
    right = model.predict(faces.faces, verbose=0).argmax(axis=1) == faces.classes
    assert float(np.mean(right)) == pytest.approx(
        manifest["training"]["validation"]["accuracy"], abs=0.04
    )


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_hosts_train_one_network(
    few_faces: FaceData, tmp_path: Path, backend: str
) -> None:
    """Two processes on loopback: only the first keeps the run, and it is whole."""
    needs(backend)
    hosts = ",".join(free_addresses(2))
    outs = [tmp_path / "chief", tmp_path / "other"]
    processes = [
        Forked(
            "fer-train", "run", "--data", few_faces.source, "--out", out,
            "--preset", "base", "--epochs", "3", "--batch-size", "16",
            "--recipe", "study", "--hosts", hosts, "--host-index", str(index),
            environment=on(backend),
        )
        for index, out in enumerate(outs)
    ]  # fmt: skip
    printed = []
    for process in processes:
        said, complaints = process.communicate(timeout=240)
        assert process.returncode == 0, complaints
        printed.append(said)
    assert all("2 hosts, 2 devices in all" in said for said in printed)
    assert "(--host-index 0) keeps the run" in printed[1]
    assert "validation accuracy" in printed[0]
    assert not outs[1].exists()
    manifest = json.loads((outs[0] / "manifest.json").read_text())
    assert manifest["training"]["devices"]["hosts"] == 2
    assert manifest["training"]["epochs_trained"] == 3


def test_hosts_that_would_train_different_things(
    few_faces: FaceData, tmp_path: Path
) -> None:
    """Both end with one line that names the difference, before any training."""
    hosts = ",".join(free_addresses(2))
    arguments: list[list[str | Path]] = [
        [
            "run", "--data", few_faces.source, "--out", tmp_path / "run",
            "--preset", "base", "--epochs", str(2 + index),
            "--hosts", hosts, "--host-index", str(index),
        ]
        for index in range(2)
    ]  # fmt: skip
    # One from its own start, which makes no noise either; a fork could not tell.
    first = subprocess.Popen(
        [PROGRAM, *arguments[0]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for process in (first, Forked("fer-train", *arguments[1])):
        _, complaints = process.communicate(timeout=120)
        assert process.returncode == 2
        assert "has plan.epochs 3, the first host 2" in complaints
        assert complaints.count("\n") == 1
