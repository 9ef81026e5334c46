"""How fast the device is: each stage of a frame, its memory, models side by side."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.preprocess import Pixels
from fer_edge.cameras import Camera
from fer_edge.cameras.repeated import Repeated
from fer_edge.classifiers import Classifier
from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
from fer_edge.durations import Durations
from fer_edge.errors import CameraError
from fer_edge.loop import Turn, run
from fer_edge.pipeline import Pipeline
from fer_edge.process import resident_bytes, seconds_since_start
from fer_edge.publishers.json_lines import JsonLines
from fer_edge.stages import Stage

WARM_UP_FRAMES = 10
"""Not counted: the first ones find cold caches and unopened lazy parts."""

_SETTLE_SECONDS = 60.0

# With fewer, the slope of the memory is that of caches which fill.
_SLOPE_FRAMES = 2000

_FACES = 8  # different ones, so that no cache knows the answer


@dataclass(slots=True)
class Record:
    """What is noted of each frame."""

    seconds: dict[Stage, Durations] = field(default_factory=dict)
    whole: Durations = field(default_factory=Durations)
    """All stages of a frame together."""
    faces: int = 0
    size: tuple[int, int] = (0, 0)
    """Width and height of the last frame, in pixels."""
    ages: Durations = field(default_factory=Durations)
    """From the capture of a frame to its events."""
    dropped: int = 0
    resident: list[tuple[int, int]] = field(default_factory=list)
    """(frames so far, bytes held)."""
    first_seconds: float = 0.0
    """From the start of the process to the first processed frame."""
    count: int = 0
    """Frames, those of the warm-up too."""
    every: int = 1
    """Frames from one look at the memory to the next."""

    def __call__(self, turn: Turn) -> None:
        """Note a frame."""
        self.count += 1
        if self.count == 1:
            self.first_seconds = seconds_since_start()
        if self.count % self.every == 0:
            self.resident.append((self.count, resident_bytes()))
        if self.count <= WARM_UP_FRAMES:
            return
        for stage, seconds in turn.seconds.items():
            self.seconds.setdefault(stage, Durations()).add(seconds)
        self.whole.add(sum(turn.seconds.values()))
        self.ages.add(turn.age_seconds)
        self.dropped += turn.frame.dropped
        self.faces += len(turn.processed.faces)
        height, width = turn.frame.pixels.shape[:2]
        self.size = (width, height)


def bench(
    open_again: Callable[[], Camera], pipeline: Pipeline, frames: int, *, live: bool
) -> dict[str, Any]:
    """Run the daemon's loop on a recording or camera, as fast as it goes.

    Args:
        open_again: opens it.
        pipeline: to be measured; closed afterwards.
        frames: to process, ``WARM_UP_FRAMES`` more than are counted.
        live: whether it is a camera, whose frames have an age.

    Returns:
        Figures, as JSON: times in milliseconds, memory in MB of 2**20 bytes.

    Raises:
        CameraError: the recording has no frames.
    """
    record = Record(every=max(1, frames // 400))
    camera = Repeated(open_again, frames)
    with Path(os.devnull).open("w") as nowhere:
        run(camera, pipeline, [JsonLines(nowhere)], threading.Event(), watches=[record])
    if not record.whole.count:
        raise CameraError(
            f"{record.count} frames; more than {WARM_UP_FRAMES} are needed"
        )
    total = record.whole.total
    counted = record.whole.count
    busy = total - record.seconds[Stage.CAPTURE].total
    figures: dict[str, Any] = {
        "frames": counted,
        "width": record.size[0],
        "height": record.size[1],
        "faces_a_frame": round(record.faces / counted, 2),
        "frames_a_second": round(counted / total, 1),
        "frames_a_second_without_capture": round(counted / busy, 1),
        "stages": {
            stage.value: _spread(record.seconds[stage])
            | {"share": round(record.seconds[stage].total / total, 4)}
            for stage in Stage
            if stage in record.seconds
        },
        "frame": _spread(record.whole),
        "first_frame_seconds": round(record.first_seconds, 2),
        "memory": _memory(record.resident),
    }
    if live:
        figures |= {"age": _spread(record.ages), "dropped": record.dropped}
    return figures


def compare_models(models: Sequence[Classifier], rounds: int) -> list[dict[str, Any]]:
    """Time one face with each model, in turn, so that a busy moment meets all.

    Args:
        models: open ones.
        rounds: faces for each model.

    Returns:
        A table row a model, with the ratio of its median to the first one's.
    """
    rng = np.random.default_rng(0)
    taken = [Durations() for _ in models]
    faces = [
        [_noise(rng, model.input.shape) for _ in range(_FACES)] for model in models
    ]
    for index in range(-WARM_UP_FRAMES, rounds):
        for model, own, durations in zip(models, faces, taken, strict=True):
            begun = time.perf_counter()
            model.scores(own[index % _FACES])
            passed = time.perf_counter() - begun
            if index >= 0:
                durations.add(passed)
    first = taken[0].percentile(0.5)
    return [
        {"model": model.name, "on": str(model.state)}
        | _spread(durations)
        | {"ratio": round(durations.percentile(0.5) / first, 3)}
        for model, durations in zip(models, taken, strict=True)
    ]


def await_edgetpu(model: Classifier) -> None:
    """Let an Edge TPU, if the model has one, start or fail before the measurement."""
    if isinstance(model, EdgeTpuClassifier):
        model.wait_until_settled(_SETTLE_SECONDS)


def as_table(figures: Mapping[str, Any]) -> list[str]:
    """Return what ``bench`` found, for people."""
    lines = [
        f"{figures['frames']:,} frames of {figures['width']}x{figures['height']}, "
        f"{figures['faces_a_frame']:.2f} faces in each",
        f"{'milliseconds':<14}{'p50':>9}{'p95':>9}{'p99':>9}{'frames':>9}{'share':>9}",
    ]
    rows = {**figures["stages"], "frame": {**figures["frame"], "share": 1.0}}
    for name, row in rows.items():
        lines.append(
            f"{name:<14}{row['p50_ms']:>9.3f}{row['p95_ms']:>9.3f}{row['p99_ms']:>9.3f}"
            f"{row['count']:>9,}{row['share']:>9.1%}"
        )
    memory = figures["memory"]
    held = f"memory {memory['resident_mb']:.1f} MB, at most {memory['peak_mb']:.1f}"
    if figures["frames"] >= _SLOPE_FRAMES:
        held += f"; {memory['kb_a_thousand_frames']:+.2f} KB a thousand frames"
    lines += [
        f"{figures['frames_a_second']:,} frames a second; "
        f"{figures['frames_a_second_without_capture']:,} without capture",
        f"first frame {figures['first_frame_seconds']:.2f} s after the start",
        held,
    ]
    return lines


def models_as_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what ``compare_models`` found, for people."""
    return [
        f"{row['model']:<28}{row['p50_ms']:>9.3f} ms a face{row['ratio']:>9.3f}"
        f"  {row['on']}"
        for row in rows
    ]


def _spread(durations: Durations) -> dict[str, Any]:
    row: dict[str, Any] = {"count": durations.count}
    for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
        row[name] = round(durations.percentile(share) * 1000, 4)
    return row


def _memory(resident: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Return what was held, and how it grew over the second half of the frames.

    In the first half allocators and caches still fill.
    """
    later: npt.NDArray[np.float64] = np.array(
        resident[len(resident) // 2 :], np.float64
    )
    frames, held = later[:, 0], later[:, 1]
    slope = 0.0
    if len(later) > 1:
        slope = float(np.polyfit(frames - frames[0], held - held[0], 1)[0])
    return {
        "resident_mb": round(float(held[-1]) / 2**20, 1),
        "peak_mb": round(max(taken for _, taken in resident) / 2**20, 1),
        "kb_a_thousand_frames": round(slope * 1000 / 2**10, 2),
    }


def _noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> Pixels:
    return rng.integers(0, 256, shape, np.uint8)
