"""Wheel and sdist: four packages, the device's configuration, and nothing else."""

import configparser
import os
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from packaging.metadata import Metadata
from trove_classifiers import classifiers

from fer_contract import __version__
from fer_edge.law.notice import LANGUAGES
from fer_trainer.synthetic import Video, draw_video

Make = Callable[[str, Callable[[Path], None]], Path]


def _build(where: Path, out: Path, *kinds: str) -> None:
    # Without isolation the build fetches nothing.
    done = subprocess.run(
        [sys.executable, "-m", "build", *kinds, "--no-isolation", "-o", out, "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=where,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _one(folder: Path, ending: str) -> Path:
    (path,) = folder.glob(f"*{ending}")
    return path


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(repository: Path, made_once: Make) -> Path:
    """A wheel that was built here."""
    out = made_once("wheel", lambda out: _build(repository, out, "--wheel"))
    return _one(out, ".whl")


@pytest.fixture(scope="module")
def contents(wheel: Path) -> dict[str, bytes]:
    """What it holds, by name."""
    return _contents(wheel)


@pytest.fixture(scope="module")
def names(contents: dict[str, bytes]) -> set[str]:
    """The names of what it holds."""
    return set(contents)


@pytest.fixture(scope="module")
def sdist(repository: Path, made_once: Make) -> Path:
    """A source distribution that was built here."""
    out = made_once("sdist", lambda out: _build(repository, out, "--sdist"))
    return _one(out, ".tar.gz")


def test_every_module_is_in_it(repository: Path, names: set[str]) -> None:
    """An editable install would hide a package that was forgotten."""
    modules = {
        str(path.relative_to(repository / folder))
        for folder in ("contract", "trainer", "converter", "edge")
        for path in (repository / folder).rglob("*.py")
    }
    assert len(modules) > 40
    assert modules <= names


def test_what_is_no_module_is_in_it_too(repository: Path, names: set[str]) -> None:
    """Templates, type marks, the device's configuration, and the released model."""
    others = {name for name in names if not name.endswith(".py")}
    assert {"fer_converter/templates/report.html", "fer_edge/py.typed"} <= others
    assert {
        f"fer_edge/released/{path.name}"
        for path in (repository / "edge" / "fer_edge" / "released").iterdir()
    } <= others
    assert "fer_trainer/presets/slim.npz" in others
    texts = {f"fer_edge/law/texts/{language}.toml" for language in LANGUAGES}
    assert texts == {name for name in others if "/law/" in name}
    assert any(name.endswith("share/fer-edge/systemd/fer-edge.toml") for name in others)


def test_nothing_else_is_in_it(names: set[str]) -> None:
    """No tests, no top-level name but ours, no model but the released, one drawing."""
    tops = {name.split("/")[0].split("-")[0] for name in names}
    packages = {"fer_contract", "fer_trainer", "fer_converter", "fer_edge"}
    assert tops == packages | {"fer_edge_toolkit"}
    drawing = "fer_edge/drawn.jpg"
    assert drawing in names
    rest = {name for name in names if "/released/" not in name} - {drawing}
    assert {name for name in rest if name.endswith(".npz")} == {
        "fer_trainer/presets/slim.npz"
    }
    assert {name for name in rest if name.endswith(".md")} == {
        "fer_trainer/templates/MODEL_CARD.md"
    }
    assert {Path(name).suffix for name in rest} <= {
        "", ".py", ".typed", ".html", ".toml", ".txt", ".md", ".npz",
        ".service", ".sysusers", ".rules",
    }  # fmt: skip


def test_metadata(contents: dict[str, bytes]) -> None:
    """An index would take it, and pip finds extras, commands and licence in it."""
    (place,) = (name for name in contents if name.endswith(".dist-info/METADATA"))
    metadata = Metadata.from_email(contents[place], validate=True)
    assert (metadata.name, str(metadata.version)) == ("fer-edge-toolkit", __version__)
    assert metadata.license_expression == "MIT AND Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert (metadata.description or "").startswith("# fer-edge-toolkit")
    assert set(metadata.classifiers or ()) <= classifiers
    extras = {"train", "train-gpu", "convert", "edge", "signed"}
    assert set(metadata.provides_extra or ()) == extras
    folder = PurePosixPath(place).parent
    assert set(metadata.license_files or ()) == {"LICENSE", "LICENSE-MODEL"}
    for licence in metadata.license_files or ():
        assert f"{folder}/licenses/{licence}" in contents
    points = configparser.ConfigParser()
    points.read_string(contents[f"{folder}/entry_points.txt"].decode())
    commands = {"fer-train", "fer-convert", "fer-edge"}
    assert set(points["console_scripts"]) == commands


def test_types_of_every_package(names: set[str]) -> None:
    """Type checkers are told that there are some."""
    packages = ("fer_contract", "fer_trainer", "fer_converter", "fer_edge")
    assert {f"{package}/py.typed" for package in packages} <= names


def test_source_distribution(repository: Path, sdist: Path) -> None:
    """It holds what version control does, and its own description."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
    )
    if listed.returncode != 0:
        pytest.skip("no git repository: clone it")
    known = {
        name for name in listed.stdout.split("\0") if (repository / name).is_file()
    }
    with tarfile.open(sdist) as archive:
        files = [member for member in archive if not member.isdir()]
    assert all(member.isreg() for member in files)
    held = {str(PurePosixPath(*Path(member.name).parts[1:])) for member in files}
    assert held == known | {"PKG-INFO"}


def test_wheel_of_the_source_distribution(
    contents: dict[str, bytes], sdist: Path, tmp_path: Path
) -> None:
    """It is the one that is built in the repository, to the last file."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    _build(source, tmp_path / "out", "--wheel")
    assert _contents(_one(tmp_path / "out", ".whl")) == contents


def test_installed_wheel(wheel: Path, device_python: Path, tmp_path: Path) -> None:
    """On a device, far from the repository, its command and its interface work."""
    venv = tmp_path / "venv"
    subprocess.run([device_python, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    options = ("--quiet", "--no-index", "--no-deps")
    subprocess.run([*pip, "install", *options, wheel], check=True)
    # What it depends on is borrowed from the device's environment, without network.
    # A link to a checkout that lies there is not followed from here.
    (site,) = venv.glob("lib/python3*/site-packages")
    (borrowed,) = device_python.parent.parent.glob("lib/python3*/site-packages")
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    assert (venv / "share" / "fer-edge" / "systemd" / "fer-edge.toml").is_file()
    outside = tmp_path / "outside"
    outside.mkdir()
    draw_video(outside / "scene.avi", Video(seed=3, seconds=4.0, width=320, height=240))
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=outside,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    fer_edge = venv / "bin" / "fer-edge"
    assert run(fer_edge, "--version") == f"fer-edge, version {__version__}\n"
    assert "released" in run(fer_edge, "models", "list")
    assert '"type":"new"' in run(fer_edge, "replay", "scene.avi")
    script = """
        import cv2
        import fer_edge

        print(fer_edge.__file__)
        with fer_edge.Recognizer() as recognizer:
            frame = cv2.VideoCapture("scene.avi").read()[1]
            print(len(recognizer.recognize(frame)))
    """
    where, count = run(python, "-c", textwrap.dedent(script)).split()
    assert Path(where).is_relative_to(venv)
    assert count == "1"
