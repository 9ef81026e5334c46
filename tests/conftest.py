"""What many tests share: the repository, the shared material, one trained chain."""

import os
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import settings

from processes import run_command

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parent.parent


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
def few_real_faces(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 1,200 real training faces a class, and all of validation and test."""
    path = tmp_path_factory.mktemp("real") / "few.zip"
    taken: Counter[str] = Counter()
    with (
        zipfile.ZipFile(shared / "data" / "Facial_emotion_images.zip") as whole,
        zipfile.ZipFile(path, "w") as few,
    ):
        for name in whole.namelist():
            folder = str(PurePosixPath(name).parent)
            taken[folder] += 1
            if "/train/" not in name or taken[folder] <= 1200:
                few.writestr(name, whole.read(name))
    return path


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set, in the layout of the study."""
    folder = tmp_path_factory.mktemp("drawn") / "faces"
    done = run_command("fer-train", "synth", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory, drawn_faces: Path) -> Path:
    """The compact preset, trained on drawn faces as ``make demo`` does."""
    out = tmp_path_factory.mktemp("trained") / "run"
    done = run_command(
        "fer-train", "run", "--data", drawn_faces, "--out", out,
        "--epochs", "10", "--batch-size", "64",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def bundle(
    tmp_path_factory: pytest.TempPathFactory,
    drawn_faces: Path,
    run_directory: Path,
) -> Path:
    """What the device gets, converted from the run."""
    out = tmp_path_factory.mktemp("converted") / "bundle"
    done = run_command(
        "fer-convert", "--int8", run_directory, "-o", out, "--data", drawn_faces,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def real_bundle(tmp_path_factory: pytest.TempPathFactory, few_real_faces: Path) -> Path:
    """The compact preset on real faces. After four epochs it is often in doubt."""
    folder = tmp_path_factory.mktemp("real")
    run, bundle = folder / "run", folder / "bundle"
    done = run_command(
        "fer-train", "run", "--data", few_real_faces, "--out", run,
        "--preset", "compact", "--epochs", "4", "--batch-size", "32",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run_command(
        "fer-convert", "--int8", run, "-o", bundle, "--data", few_real_faces,
        "--min-agreement", "0.85",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return bundle


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB, soon full."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root: sudo make test")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount is not allowed here: {done.stderr.decode().strip()}")
    yield mounted
    subprocess.run(["umount", mounted], check=True)
