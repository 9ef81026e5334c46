"""How fast faces come, whether the processor waits for them, and what memory it takes.

All in one run, since machines differ and are busy: figures are medians of rounds in
which the things compared take turns.
"""

import importlib.util
import re
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.errors import FerError
from fer_trainer.backend import start_keras
from fer_trainer.devices import Devices
from fer_trainer.material import Material
from fer_trainer.plan import Plan

_FACES_A_ROUND = 4096


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What was measured."""

    facts: dict[str, Any]
    """JSON, by what each part measures."""

    def lines(self) -> list[str]:
        """Return it as text, a line a part."""
        step, memory = self.facts["step"], self.facts["memory"]
        lines = [
            f"step: {step['compute_ms']:.1f} ms on a batch that is there, "
            f"{step['with_pipeline_ms']:.1f} ms on batches that are made meanwhile "
            f"({step['data_ms']:.1f} ms each): waits for data "
            f"{step['waiting']:.1%} of the time",
            f"memory: at most {memory['peak_bytes'] / 1e9:.2f} GB with "
            f"{memory['faces']:,} faces and {memory['backend']} loaded",
        ]
        if "pipeline" in self.facts:
            pipeline = self.facts["pipeline"]
            lines.append(
                f"pipeline, the study's augmentation, batches of "
                f"{pipeline['batch_size']}: {pipeline['images_per_second']:,.0f} "
                f"images a second; Keras' ImageDataGenerator "
                f"{pipeline['image_data_generator']:,.0f}: {pipeline['ratio']:.1f} x"
            )
        return lines


def bench(material: Material, plan: Plan, rounds: int) -> Benchmark:
    """Measure a plan's step, memory and input pipeline.

    Args:
        material: faces; the real set for real figures.
        plan: network, batch size, recipe.
        rounds: of each measurement, from 1.

    Raises:
        FerError: SciPy, which ImageDataGenerator needs, is missing.
    """
    if importlib.util.find_spec("scipy") is None:
        raise FerError(
            "scipy not installed; Keras' ImageDataGenerator, to compare with, needs "
            "it: pip install scipy"
        )
    keras = start_keras()
    step = _step(material, plan, rounds)
    # Before the other pipeline is loaded, which is not ours to answer for.
    memory = {
        "peak_bytes": _peak_bytes(),
        "faces": len(material.train) + len(material.validation),
        "backend": keras.backend.backend(),
    }
    return Benchmark(
        {"step": step, "memory": memory, "pipeline": _pipeline(material, rounds)}
    )


def _step(material: Material, plan: Plan, rounds: int) -> dict[str, float]:
    """Time a training step with data at hand, and with data made meanwhile."""
    import keras

    from fer_trainer.training.checkpoint import Checkpoint
    from fer_trainer.training.network import Network

    network = Network(plan, material, Devices.find())
    trainee = network.compile(Checkpoint({}))
    batches = network.batches(epoch=0)
    steps = min(len(batches), 40)

    class Some(keras.utils.PyDataset):  # type: ignore[misc]  # untyped
        """The first batches; ``ready`` ones are made beforehand."""

        def __init__(self, *, ready: bool) -> None:
            super().__init__()
            self._ready = [batches[0]] * steps if ready else None

        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> Any:
            return batches[index] if self._ready is None else self._ready[index]

    def fit(*, ready: bool) -> None:
        trainee.fit(Some(ready=ready), epochs=1, verbose=0, shuffle=False)

    fit(ready=True)  # traces and compiles
    compute, both, data = [], [], []
    for _ in range(rounds):
        compute.append(_seconds(lambda: fit(ready=True)) / steps)
        both.append(_seconds(lambda: fit(ready=False)) / steps)
        data.append(_seconds(lambda: [batches[i] for i in range(steps)]) / steps)
    alone, together = statistics.median(compute), statistics.median(both)
    return {
        "batch_size": plan.batch_size,
        "compute_ms": 1000 * alone,
        "with_pipeline_ms": 1000 * together,
        "data_ms": 1000 * statistics.median(data),
        "waiting": max(0.0, 1 - alone / together),
    }


def _pipeline(material: Material, rounds: int) -> dict[str, float]:
    """Time the study's augmentation, ours against Keras'."""
    # A public name, but only below TensorFlow.
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    from fer_trainer.recipes import STUDY
    from fer_trainer.training.batches import Batches, Mixing

    train = material.train
    batch_size = 32
    targets = np.eye(len(train.labels), dtype=np.float32)[train.classes]
    ours = Batches(
        train,
        targets,
        np.ones(len(train), dtype=np.float32),
        batch_size=batch_size,
        mixing=Mixing(STUDY.augmentation),
        seed=0,
    )
    generator = ImageDataGenerator(
        horizontal_flip=True,
        brightness_range=(0.0, 2.0),
        shear_range=0.3,
        rescale=1 / 255,
    )
    theirs = generator.flow(train.faces, targets, batch_size=batch_size)
    count = max(1, min(len(ours), _FACES_A_ROUND // batch_size))

    def our_batches() -> Iterator[Any]:
        return (ours[index] for index in range(count))

    def draw(batches: Iterator[Any]) -> int:
        return sum(len(batch[0]) for batch in islice(batches, count))

    speeds: dict[str, list[float]] = {"ours": [], "theirs": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ImageDataGenerator's, of every kind
        for _ in range(rounds):
            for name, source in (("ours", our_batches), ("theirs", lambda: theirs)):
                began = time.perf_counter()
                faces = draw(source())
                speeds[name].append(faces / (time.perf_counter() - began))
    ours_median = statistics.median(speeds["ours"])
    theirs_median = statistics.median(speeds["theirs"])
    return {
        "batch_size": batch_size,
        "images_per_second": ours_median,
        "image_data_generator": theirs_median,
        "ratio": ours_median / theirs_median,
    }


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak_bytes() -> int:
    """Return the most memory that this process has had resident."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux counts into ru_maxrss what the process was before it became this one:
        # started by a large one, it would report that one's memory.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        if found is not None:
            return 1024 * int(found[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
