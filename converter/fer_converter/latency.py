"""How long a face takes on this host: models in turn, in one run."""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.preprocess import Pixels

_WARM_UP = 10
_ROUNDS = 200
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Of several models, measured in turn: a busy host slows them alike."""

    host: str
    rounds: int
    milliseconds: Mapping[str, float]
    """Median of a face, by model."""
    ratio: tuple[float, float, float]
    """Of int8 over float32 in the same round: median, and the middle half's bounds."""

    @property
    def slower(self) -> bool:
        """Whether int8 takes longer than float32 here."""
        return self.ratio[0] > 1

    def sentence(self) -> str:
        """Say it in one line."""
        median, low, high = self.ratio
        times = ", ".join(
            f"{name} {value:.3f}" for name, value in self.milliseconds.items()
        )
        verdict = (
            "int8 is SLOWER than float32 on this host, it takes"
            if self.slower
            else "int8 takes"
        )
        return (
            f"ms a face on {self.host}: {times}; {verdict} {median:.2f} times "
            f"as long ({low:.2f} to {high:.2f})"
        )

    def facts(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "host": self.host,
            "rounds": self.rounds,
            "milliseconds": {
                name: round(value, 4) for name, value in self.milliseconds.items()
            },
            "int8_over_float32": {
                "median": round(self.ratio[0], 3),
                "quartiles": [round(bound, 3) for bound in self.ratio[1:]],
            },
            "int8_is_slower": self.slower,
        }


def measure(models: Mapping[str, Callable[[Pixels], Any]], faces: Pixels) -> Latency:
    """Time models in turn.

    Args:
        models: ``float32``, ``int8`` and others; each takes uint8 (H, W, 1).
        faces: uint8 (N, H, W, 1), at least one.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    ends = time.perf_counter() + _SECONDS
    for index in range(_WARM_UP + _ROUNDS):
        face = faces[index % len(faces)]
        for name, classify in models.items():
            began = time.perf_counter()
            classify(face)
            times[name].append(time.perf_counter() - began)
        if time.perf_counter() > ends and index > _WARM_UP:
            break
    kept = {name: np.array(values[_WARM_UP:]) for name, values in times.items()}
    ratios = kept["int8"] / kept["float32"]
    low, median, high = np.percentile(ratios, (25, 50, 75))
    return Latency(
        host=f"{platform.machine()} {platform.system()}",
        rounds=len(ratios),
        milliseconds={
            name: 1000 * float(np.median(values)) for name, values in kept.items()
        },
        ratio=(float(median), float(low), float(high)),
    )
