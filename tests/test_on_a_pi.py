"""The device's part on Debian 12 and 13 for aarch64, as pip puts it on a Pi."""

import importlib.metadata
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emulated_pi import (
    DEBIAN_12,
    DEBIAN_13,
    Debian,
    EmulatedPi,
    build_wheel,
    installed_megabytes,
    missing,
)
from fer_trainer.synthetic import Expression, Person, Video, draw_scene, draw_video
from processes import run_command

_START = ("--start", "2024-01-01T12:00:00Z")
_MOST_MEGABYTES = 230


class InstalledPi:
    """A Pi on which the device's part is installed.

    Args:
        pi: set up.
        folder: what is installed.
        debian: its system.
    """

    def __init__(self, pi: EmulatedPi, folder: Path, debian: Debian) -> None:
        self._pi, self.folder, self.debian = pi, folder, debian

    def replay(self, source: Path) -> subprocess.CompletedProcess[str]:
        """Run ``fer-edge replay`` there."""
        return self._pi.fer_edge(self.folder, "replay", source, *_START)

    def packages(self) -> dict[str, str]:
        """Name and version of what is installed."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        return {each.name.lower(): each.version for each in found}

    def tags(self) -> Iterator[str]:
        """For which machines its wheels were built."""
        for path in self.folder.glob("*.dist-info/WHEEL"):
            for line in path.read_text().splitlines():
                if line.startswith("Tag: "):
                    yield line.rpartition("-")[2]


@pytest.fixture(scope="module", params=[DEBIAN_12, DEBIAN_13], ids=str)
def pi(made_once: Any, request: pytest.FixtureRequest) -> InstalledPi:
    """Set up, with this very code installed."""
    if lack := missing():
        pytest.skip(lack)
    debian: Debian = request.param
    root = made_once(f"pi-{debian.suite}", lambda out: EmulatedPi(out, debian).set_up())
    pi = EmulatedPi(root, debian)

    def install(out: Path) -> None:
        (wheel,) = made_once("wheel", build_wheel).glob("*.whl")
        # Of the same version, so that outputs may be compared to the last digit.
        version = importlib.metadata.version("ai-edge-litert")
        pi.unpack_picked(wheel, out, f"ai-edge-litert=={version}")

    return InstalledPi(pi, made_once(f"installed-{debian.suite}", install), debian)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two drawn people; PNG, which every decoder gives alike."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed, emotion in enumerate(("happy", "surprise"), start=1):
        rng = np.random.default_rng(seed)
        cast = [(Person.random(rng), Expression.of(emotion, rng))]
        scene, _ = draw_scene(cast, rng=rng)
        assert cv2.imwrite(str(folder / f"{emotion}.png"), scene)
    return folder


def test_it_is_installed_from_wheels_without_tensorflow(pi: InstalledPi) -> None:
    """What pip picks there is built for aarch64 or any machine; nothing trains."""
    packages = pi.packages()
    assert {"fer-edge-toolkit", "ai-edge-litert", "opencv-python-headless"} <= set(
        packages
    )
    assert not [name for name in packages if "tensorflow" in name or "keras" in name]
    built = {"any" if tag == "any" else tag.rpartition("_")[2] for tag in pi.tags()}
    assert built <= {"any", "aarch64"}
    # 4.11 cannot read a USB camera.
    assert not packages["opencv-python-headless"].startswith("4.11.")
    # picamera2 of Debian 12 is built for numpy 1.
    numpy = packages["numpy"]
    assert numpy.startswith("1.") == (pi.debian is DEBIAN_12), numpy


def test_it_is_small_enough_for_a_pi(pi: InstalledPi) -> None:
    """All packages together."""
    assert 100 < installed_megabytes(pi.folder) <= _MOST_MEGABYTES


def test_its_events_are_those_of_this_machine(pi: InstalledPi, pictures: Path) -> None:
    """The golden vectors hold, and the same pictures give the same bytes."""
    here, there = (
        run_command("fer-edge", "replay", pictures, *_START),
        pi.replay(pictures),
    )
    assert there.returncode == 0, there.stderr
    assert there.stderr.splitlines()[0] == here.stderr.splitlines()[0]
    assert ", cpu, self-test passed; faces by haar; " in there.stderr
    assert here.stdout.count('"type":"new"') == 2
    assert there.stdout == here.stdout


def test_its_events_of_a_video(pi: InstalledPi, tmp_path: Path) -> None:
    """Decoders differ in the last bits of a pixel: so do scores, and nothing else."""
    path = tmp_path / "faces.avi"
    draw_video(path, Video(seed=3, seconds=4.0, width=320, height=240))
    here, there = run_command("fer-edge", "replay", path, *_START), pi.replay(path)
    assert there.returncode == 0, there.stderr
    assert here.stdout
    for ours, its in zip(_events(here.stdout), _events(there.stdout), strict=True):
        scores, its_scores = ours.pop("scores"), its.pop("scores")
        assert its_scores == pytest.approx(scores, abs=0.05)
        assert its.pop("score") == pytest.approx(ours.pop("score"), abs=0.05)
        assert its == ours


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
