"""``fer-train`` as a user meets it: what it prints and how it exits."""

from pathlib import Path

import pytest

from processes import run_command

FAST = ("--preset", "base", "--epochs", "1")


def test_presets_lists_every_network() -> None:
    """Name, parameters and a line each."""
    done = run_command("fer-train", "presets")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "base          605,060  " in done.stdout
    assert "compact" in done.stdout


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
        (["--labels", "happy,Sad"], "--labels: label 'Sad'; allowed are"),
        (["--labels", "happy"], "--labels: 1 labels; at least 2"),
        (["--epochs", "0"], "0 is not in the range x>=1"),
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
    done = run_command("fer-train", verb, "--out", out, *more)
    assert done.returncode == 2
    assert done.stderr == f"fer-train: {out}: No space left on device\n"
    assert not (out / "manifest.json").exists()
