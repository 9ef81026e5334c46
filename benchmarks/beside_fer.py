"""Frames a second of the daemon beside the PyPI package ``fer``, on the same frames.

    .venv/bin/python benchmarks/beside_fer.py --fer-python FER_VENV/bin/python \
        --yunet-model face_detection_yunet_2023mar.onnx

FER_VENV is an environment of its own, in which ``pip install fer==25.10.3`` was run; it
brings TensorFlow and PyTorch. That package's detector is its default, OpenCV's Haar
cascade. The frames are drawn: one person, 640x480, 30 a second. Both take turns, some
frames each, so that a busy moment of the machine meets both.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from fer_contract.preprocess import Pixels
from fer_edge.cameras import Frame
from fer_edge.cameras.drawn import Drawn
from fer_edge.config import Config
from fer_edge.pipeline import Pipeline
from fer_edge.start import assemble
from fer_trainer.synthetic import Video

_FRAMES_A_TURN = 30
_SECONDS = 8.0

# Runs where fer lives: told a turn by a line, it answers with the seconds of it.
_FER = """
import sys, time, resource
import numpy as np
begun = time.perf_counter()
from fer.fer import FER
detector = FER()
frames = np.load(sys.argv[1])
count = int(sys.argv[2])
detector.detect_emotions(frames[0])
print("ready", time.perf_counter() - begun, flush=True)
place = found = 0
for line in sys.stdin:
    begun = time.perf_counter()
    for _ in range(count):
        found += len(detector.detect_emotions(frames[place % len(frames)]))
        place += 1
    print("turn", time.perf_counter() - begun, found,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
"""


class Fer:
    """The package in its own process.

    Args:
        python: of its environment.
        frames: ``.npy`` of uint8 (N, H, W, 3).
    """

    def __init__(self, python: Path, frames: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-c", _FER, frames, str(_FRAMES_A_TURN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.start_seconds = float(self._answer("ready")[0])
        self.faces = 0
        self.peak_mb = 0.0

    def turn(self) -> float:
        """Process frames; return the seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        seconds, faces, kilobytes = self._answer("turn")
        self.faces, self.peak_mb = int(faces), float(kilobytes) / 1024
        return float(seconds)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, word: str) -> list[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # The package prints of its own accord, too.
            first, *rest = line.split() or [""]
            if first == word:
                return rest
        raise click.ClickException("fer ended; does `import fer` work there?")


class Ours:
    """The daemon's pipeline in this process."""

    def __init__(self, pipeline: Pipeline, frames: list[Frame]) -> None:
        self._pipeline = pipeline
        self._frames = frames
        self._place = 0
        self.faces = 0

    def turn(self) -> float:
        """Process frames; return the seconds."""
        chosen = []
        for _ in range(_FRAMES_A_TURN):
            lap, index = divmod(self._place, len(self._frames))
            frame = self._frames[index]
            seconds = frame.taken.seconds + lap * _SECONDS
            moment = dataclasses.replace(frame.taken, seconds=seconds)
            chosen.append(Frame(frame.pixels, moment))
            self._place += 1
        begun = time.perf_counter()
        for frame in chosen:
            self.faces += len(self._pipeline.process(frame).faces)
        return time.perf_counter() - begun


def drawn() -> list[Pixels]:
    """Draw the frames: uint8 (480, 640, 3)."""
    return list(Video(seed=3, seconds=_SECONDS, frames_per_second=30.0).frames())


@click.command()
@click.option("--fer-python", type=click.Path(path_type=Path), required=True)
@click.option("--yunet-model", default="", help="Also find faces by YuNet.")
@click.option("--bundle", default="", help="Instead of the released model.")
@click.option("--turns", type=click.IntRange(1), default=10)
def main(fer_python: Path, yunet_model: str, bundle: str, turns: int) -> None:
    """Print frames a second of each and the ratio of the medians."""
    start = Drawn().read(1.0).taken
    frames = drawn()
    moments = [
        dataclasses.replace(start, seconds=index / 30.0) for index in range(len(frames))
    ]
    timed = [Frame(*pair) for pair in zip(frames, moments, strict=True)]
    ours: dict[str, Ours] = {}
    for detector in ("haar", "yunet") if yunet_model else ("haar",):
        config = Config()
        faces = dataclasses.replace(
            config.faces, detector=detector, yunet_model=yunet_model
        )
        model = dataclasses.replace(config.model, bundle=bundle)
        # A source is wanted, though the frames come from here.
        camera = dataclasses.replace(config.camera, source=str(Drawn.PATH))
        config = dataclasses.replace(config, camera=camera, faces=faces, model=model)
        ours[detector] = Ours(assemble(config).pipeline, timed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, np.stack(frames))
        fer = Fer(fer_python, path)
        taken: dict[str, list[float]] = {"fer": [], **{name: [] for name in ours}}
        for part in ours.values():
            part.turn()
        for _ in range(turns):
            taken["fer"].append(fer.turn())
            for name, part in ours.items():
                taken[name].append(part.turn())
        fer.close()
    figures: dict[str, Any] = {}
    slow = float(np.median(taken["fer"]))
    for name, seconds in taken.items():
        median = float(np.median(seconds))
        figures[name] = {
            "frames_a_second": round(_FRAMES_A_TURN / median, 1),
            "times_fer": round(slow / median, 1),
        }
    count = turns * _FRAMES_A_TURN
    figures["fer"] |= {
        "faces_a_frame": round(fer.faces / count, 2),
        "start_seconds": round(fer.start_seconds, 1),
        "peak_mb": round(fer.peak_mb),
    }
    for name, part in ours.items():
        figures[name]["faces_a_frame"] = round(part.faces / (count + _FRAMES_A_TURN), 2)
    json.dump(figures, sys.stdout, indent=2)
    click.echo()


if __name__ == "__main__":
    main()
