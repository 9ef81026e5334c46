"""What many tests share: the repository, the shared material, one trained chain."""

import fcntl
import os
import shutil

# Before TensorFlow, which comes with an SQLite of its own: whichever is first is the
# one that Python's module finds, and the outbox is tested with.
import sqlite3  # noqa: F401
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import settings

from processes import CommandServer, run_command, run_forked

# NumPy's products of long vectors wait for each other's threads, busily: with two
# processes on two cores they cost fourteen times as much. Read when NumPy is imported;
# no conftest imports it above.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A third of a small training with JAX is XLA optimising what then runs for a moment.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

_SECONDS = {
    "test_presets_convert.py": 200,
    "test_parity.py": 190,
    "test_on_a_pi.py": 140,
    "trainer/test_distribution.py": 100,
    "trainer/test_backends.py": 90,
    "trainer/test_resume.py": 90,
    "edge/test_cameras_v4l2.py": 90,
    "converter/test_convert.py": 70,
    "edge/service/test_systemd.py": 60,
    "trainer/test_presets.py": 60,
    "edge/outbox/test_sudden_ends.py": 50,
    "test_benchmarks.py": 50,
    "trainer/test_cli.py": 50,
    "trainer/test_evaluate.py": 40,
    "trainer/test_reproduction.py": 40,
    "trainer/test_tune.py": 40,
    "trainer/test_card.py": 30,
}
"""Roughly what each of the longest files takes, the longest first."""


def pytest_configure(config: pytest.Config) -> None:
    """Start what forks programs, once for all processes that run tests."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(CommandServer().close)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process an equal share of the longest files, to begin with.

    The short tests are left to even things out: ``--dist worksteal`` cuts the list into
    parts of equally many tests, and a process that is done takes from another's end.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    parts: list[list[pytest.Item]] = [[] for _ in range(processes)]
    seconds = [0] * processes
    short: dict[Path, list[pytest.Item]] = {item.path: [] for item in items}
    for item in items:
        short[item.path].append(item)
    for name, taken in _SECONDS.items():
        path = REPOSITORY / "tests" / name
        assert path.exists(), path
        if path in short:  # else it is not asked for
            shortest = seconds.index(min(seconds))
            parts[shortest] += short.pop(path)
            seconds[shortest] += taken
    waiting = list(chain.from_iterable(short.values()))
    for at, part in enumerate(parts):
        left = len(waiting) + sum(map(len, parts[at:]))
        wanted = max(left // (processes - at) - len(part), 0)
        part += waiting[:wanted]
        del waiting[:wanted]
    items[:] = chain.from_iterable(parts)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session", autouse=True)
def state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty state folder, so that no test sees what this machine has installed."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data, models and photographs, which are never part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is missing: put the project's shared material there")
    return SHARED


@pytest.fixture(scope="session")
def device_python(repository: Path) -> Path:
    """Python of the environment in which only the extra ``edge`` is installed."""
    python = repository / ".venv-edge" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is missing: make .venv-edge/installed")
    return python


Make = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Make:
    """Make what takes long, once for all processes that run tests: name, maker -> path.

    Whoever comes first makes it, the others wait for its lock.
    """
    here = tmp_path_factory.getbasetemp()
    folder = here if worker_id == "master" else here.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        path, finished = folder / name, folder / f"{name}.finished"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                make(path)
                finished.touch()
        return path

    return made


def _run(name: str, *arguments: str | Path) -> None:
    done = run_command(name, *arguments)
    # A start makes no noise either; run_forked could not tell.
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def drawn_faces(made_once: Make) -> Path:
    """A drawn data set, in the layout of the study."""
    return made_once("drawn", lambda out: _run("fer-train", "synth", "--out", out))


@pytest.fixture(scope="session")
def few_drawn_faces(made_once: Make, drawn_faces: Path) -> Path:
    """Every eighth drawn face, for what asks a network about each again and again."""

    def make(folder: Path) -> None:
        for split in drawn_faces.iterdir():
            for label in split.iterdir():
                place = folder / split.name / label.name
                place.mkdir(parents=True)
                for face in sorted(label.iterdir())[::8]:
                    shutil.copy(face, place)

    return made_once("few-drawn", make)


@pytest.fixture(scope="session")
def run_directory(made_once: Make, drawn_faces: Path) -> Path:
    """The compact preset, trained on drawn faces as ``make demo`` does."""

    def make(out: Path) -> None:
        _run(
            "fer-train", "run", "--data", drawn_faces, "--out", out,
            "--epochs", "10", "--batch-size", "64",
        )  # fmt: skip

    return made_once("run", make)


@pytest.fixture(scope="session")
def bundle(made_once: Make, drawn_faces: Path, run_directory: Path) -> Path:
    """What the device gets, converted from the run."""

    def make(out: Path) -> None:
        _run("fer-convert", "--int8", run_directory, "-o", out, "--data", drawn_faces)

    return made_once("bundle", make)


@pytest.fixture(scope="session")
def few_real_faces(made_once: Make, shared: Path) -> Path:
    """A zip of 1,200 real training faces a class, and all of validation and test."""

    def make(path: Path) -> None:
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

    return made_once("few.zip", make)


@pytest.fixture(scope="session")
def faces_at_hand(request: pytest.FixtureRequest) -> tuple[Path, bool]:
    """Real faces where there are any, else drawn ones; and whether they are real."""
    if SHARED.is_dir():
        return request.getfixturevalue("few_real_faces"), True
    return request.getfixturevalue("drawn_faces"), False


@pytest.fixture(scope="session")
def real_bundle(made_once: Make, few_real_faces: Path) -> Path:
    """The released network, trained further on real faces."""

    def make(name: str, *arguments: str | Path) -> None:
        done = run_forked(name, *arguments)
        assert done.returncode == 0, done.stderr

    def train(out: Path) -> None:
        make(
            "fer-train", "run", "--data", few_real_faces, "--out", out,
            "--preset", "slim", "--weights", "released", "--epochs", "1",
        )  # fmt: skip

    def convert(out: Path) -> None:
        make(
            "fer-convert", "--int8", made_once("real-run", train), "-o", out,
            "--data", few_real_faces,
        )  # fmt: skip

    return made_once("real-bundle", convert)


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
