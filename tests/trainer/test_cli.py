"""``fer-train`` as a user meets it: what it prints and how it exits."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_contract.dataset import FaceData
from processes import Forked, run_command, run_forked

PROGRAM = Path(sys.executable).parent / "fer-train"
FAST = ("--preset", "base", "--epochs", "1")


def test_presets_lists_every_network() -> None:
    """Name, parameters, trainable ones, multiplications; a line each recipe too."""
    done = run_command("fer-train", "presets")
    assert done.returncode == 0
    assert done.stderr == ""
    listed, _, recipes = done.stdout.partition("\n\n")
    rows = {line.split()[0]: line.split()[1:5] for line in listed.splitlines()}
    assert rows["base"] == ["605,060", "605,060", "6.5", "ready"]
    assert rows["vgg16-frozen"][:2] == ["14,887,684", "172,868"]
    names = [line.split()[0] for line in recipes.splitlines()]
    assert names == ["recipe", "standard", "study", "strong", "release", "refine"]


def test_a_run_prints_its_accuracy_and_place(run_directory: Path) -> None:
    """On drawn faces the compact preset learns within seconds."""
    metrics = (run_directory / "metrics.json").read_text()
    assert '"faces": 1600' in metrics
    assert float(metrics.split('"accuracy": ')[1].split(",")[0]) > 0.95


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"not a zip at all", "not a zip"),
        (b"", "not a zip"),
        (b"PK\x05\x06" + bytes(18), "no image found"),
    ],
)
def test_a_wrong_zip(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Exit 2 and one line that names the file."""
    wrong = tmp_path / "faces.zip"
    wrong.write_bytes(content)
    out = tmp_path / "run"
    done = run_command("fer-train", "run", "--data", wrong, "--out", out, *FAST)
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-train: {wrong}: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_an_empty_folder(tmp_path: Path) -> None:
    """Exit 2 and one line that says what was wanted."""
    empty = tmp_path / "faces"
    empty.mkdir()
    done = run_command(
        "fer-train", "run", "--data", empty, "--out", tmp_path / "r", *FAST
    )
    assert done.returncode == 2
    assert "no image found; wanted: {train,validation,test}/<label>" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_place_that_cannot_be_written(tmp_path: Path, drawn_faces: Path) -> None:
    """Exit 2 and one line, before any training."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    out = blocked / "run"
    done = run_command("fer-train", "run", "--data", drawn_faces, "--out", out, *FAST)
    assert done.returncode == 2
    assert str(blocked) in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Epoch" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--preset", "bass"], "--preset: 'bass'; allowed are compact, base"),
        (["--recipe", "weak"], "--recipe: 'weak'; allowed are standard, study, strong"),
        (["--class-weights", "--oversample"], "one of the two is allowed"),
        (["--mixup", "-1"], "'--mixup': -1.0 is not in the range"),
        (["--votes", "none.csv"], "none.csv: no such file"),
        (["--monitor", "val_votes_accuracy"], "--monitor: val_votes_accuracy; needs"),
        (
            ["--recipe", "release"],
            "--recipe: release, which chooses by val_both_accuracy; needs --votes",
        ),
        (["--image-size", "7"], "7 is not in the range"),
        (["--host-index", "0"], "--host-index: needs --hosts"),
        (["--labels", "happy,Sad"], "--labels: label 'Sad'; allowed are"),
        (["--labels", "happy"], "--labels: 1 labels; at least 2"),
        (["--epochs", "0"], "0 is not in the range x>=1"),
        (["--seed", str(2**32)], "4294967296 is not in the range"),
        (["--learning-rate", "nan"], "'--learning-rate': 'nan' is not a finite"),
    ],
)
def test_mistaken_options(
    tmp_path: Path,
    drawn_faces: Path,
    arguments: list[str],
    complaint: str,
) -> None:
    """Exit 2, the option and what it takes, no traceback."""
    done = run_command(
        "fer-train", "run", "--data", drawn_faces, "--out", tmp_path / "r", *arguments
    )
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_faces_are_not_drawn_over_others(drawn_faces: Path) -> None:
    """A second drawing into the same folder would mix two data sets."""
    done = run_command("fer-train", "synth", "--out", drawn_faces)
    assert done.returncode == 2
    assert "already there" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["run", "synth"])
def test_a_full_disk(drawn_faces: Path, verb: str, full_disk: Path) -> None:
    """Exit 2 and one line that names the place; no manifest calls it finished."""
    out = full_disk / "out"
    more = ("--data", drawn_faces, *FAST) if verb == "run" else ()
    done = run_forked("fer-train", verb, "--out", out, *more)
    assert done.returncode == 2
    # Of a run it is the checkpoint that finds no room.
    assert done.stderr.startswith(f"fer-train: {out}")
    assert done.stderr.endswith(": No space left on device\n")
    assert done.stderr.count("\n") == 1
    assert not (out / "manifest.json").exists()


@pytest.mark.parametrize("seconds", ["nan", "inf", "3601", "3"])
def test_a_video_of_impossible_length(tmp_path: Path, seconds: str) -> None:
    """Exit 2 and the option named, before any drawing."""
    out = tmp_path / "faces"
    done = run_command("fer-train", "synth", "--out", out, "--seconds", seconds)
    assert done.returncode == 2
    assert "Error: Invalid value for '--seconds': " in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("scene.mp4", "scene.mp4; a name that ends in .avi is wanted"),
        ("missing/scene.avi", "missing is no folder; make it first"),
        ("drawn.avi", "drawn.avi; already there, name a new file"),
        ("timed.avi", "timed.json; already there, name a new file"),
    ],
)
def test_a_mistaken_video(tmp_path: Path, name: str, complaint: str) -> None:
    """Exit 2 and one line before any drawing; what was there is there still."""
    (tmp_path / "drawn.avi").write_text("mine")
    (tmp_path / "timed.json").write_text("mine")
    out, video = tmp_path / "faces", tmp_path / name
    done = run_command("fer-train", "synth", "--out", out, "--video", video)
    assert done.returncode == 2
    assert done.stderr.startswith("fer-train: --video: ")
    assert done.stderr.endswith(f"{complaint}\n")
    assert done.stderr.count("\n") == 1
    assert not out.exists()
    assert (tmp_path / "drawn.avi").read_text() == "mine"
    assert (tmp_path / "timed.json").read_text() == "mine"


@pytest.mark.parametrize("backend", ["jax", "nonsense", None])
def test_a_backend_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str | None
) -> None:
    """Exit 2 and one line that names the variable, its value and what to install."""
    for name in ("jax", "tensorflow"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('no {name} here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if backend is None:
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
    else:
        monkeypatch.setenv("KERAS_BACKEND", backend)
    done = run_command("fer-train", "presets")
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-train: KERAS_BACKEND: {backend or 'not set'}; ")
    assert "pip install 'fer-edge-toolkit[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_base_trained_for_two_epochs(few_faces: FaceData, out: Path) -> None:
    """The study's network trains from the command line, an epoch a line."""
    done = run_forked(
        "fer-train", "run", "--data", few_faces.source, "--out", out,
        "--preset", "base", "--epochs", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Epoch 2/2" in done.stdout
    assert "validation accuracy" in done.stdout
    assert (out / "manifest.json").exists()


def test_interrupted_and_taken_up_again(few_faces: FaceData, out: Path) -> None:
    """Ctrl-C ends in one line and 130; the same command goes on, another is refused."""
    arguments = ("run", "--data", few_faces.source, "--out", out)
    long = ("--preset", "base", "--epochs", "500")
    # Else the first lines come with those of the fiftieth epoch.
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    for begins_at in (1, 2):
        with Forked("fer-train", *arguments, *long, environment=unbuffered) as process:
            lines = [process.stdout.readline() for _ in range(4)]
            assert (f"{out}: goes on after epoch" in lines[1]) == (begins_at > 1)
            assert any(line.startswith("Epoch") for line in process.stdout)
            assert any(line.startswith("Epoch") for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=60)
        assert process.returncode == 130
        # The empty line is click's, after the terminal's ^C.
        assert complaints.strip() == "fer-train: interrupted"
        assert (out / "checkpoint.npz").exists()
    done = run_forked("fer-train", *arguments, *FAST)
    assert done.returncode == 2
    assert "an unfinished training with plan.epochs 500, now 1" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run_forked("fer-train", *arguments, *FAST, "--restart")
    assert done.returncode == 0, done.stderr
    assert (out / "manifest.json").exists()


def test_standard_output_closed(few_faces: FaceData, out: Path) -> None:
    """As under a service manager that gives none: it trains all the same."""
    line = '"$0" run --data "$1" --out "$2" --preset base --epochs 1 >&-'
    done = subprocess.run(
        ["sh", "-c", line, PROGRAM, few_faces.source, out],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert (out / "manifest.json").exists()


@pytest.fixture
def secret() -> Iterator[Path]:
    """A zip that nobody may read, in a folder that everybody may look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "faces.zip"
        path.write_bytes(b"")
        path.chmod(0)
        yield path


def test_a_zip_that_may_not_be_read(secret: Path) -> None:
    """One line as for any other file, not click's usage: PermissionError, named."""
    program = (
        "import os, sys; sys.argv[0] = 'fer-train'\n"
        "import fer_contract.dataset, fer_trainer.presets, fer_trainer.training.train\n"
        "from fer_trainer.cli import main\n"
        # Root may read anything.
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--data", secret, "--out", "run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"fer-train: {secret}: Permission denied\n"
