"""What many tests share: the repository, the shared material, one trained chain."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data, models and photographs, which are never part of the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: put the project's shared material there")
    return folder


@pytest.fixture(scope="session")
def command() -> Run:
    """Run one of the three commands as a user does; returns the finished process."""

    def run(
        name: str, *arguments: str | Path
    ) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).parent / name
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory: pytest.TempPathFactory, command: Run) -> Path:
    """A drawn data set, in the layout of the study."""
    folder = tmp_path_factory.mktemp("drawn") / "faces"
    done = command("fer-train", "synth", "--out", folder, "--faces-per-class", "240")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def run_directory(
    tmp_path_factory: pytest.TempPathFactory, command: Run, drawn_faces: Path
) -> Path:
    """The compact preset, trained for seconds on drawn faces."""
    out = tmp_path_factory.mktemp("trained") / "run"
    done = command(
        "fer-train", "run", "--data", drawn_faces, "--out", out, "--epochs", "10"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def bundle(
    tmp_path_factory: pytest.TempPathFactory,
    command: Run,
    drawn_faces: Path,
    run_directory: Path,
) -> Path:
    """What the device gets, converted from the run."""
    out = tmp_path_factory.mktemp("converted") / "bundle"
    # 400 validation faces are too few for the default bounds, which are tested alone.
    done = command(
        "fer-convert", "--int8", run_directory, "-o", out, "--data", drawn_faces,
        "--max-accuracy-drop", "3", "--min-agreement", "0.94",
        "--calibration-faces", "100",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out
