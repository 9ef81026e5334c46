"""Latency: models in turn, and a plain word when int8 is slower."""

import time
from typing import Any

import numpy as np
import pytest

from fer_converter.latency import Latency, measure

FACES = np.zeros((2, 4, 4, 1), np.uint8)


def sleeping(seconds: float) -> Any:
    return lambda _face: time.sleep(seconds)


@pytest.mark.parametrize(
    ("float32", "int8", "slower"), [(0.001, 0.004, True), (0.004, 0.001, False)]
)
def test_which_is_slower(float32: float, int8: float, slower: bool) -> None:
    """Said in words and in JSON."""
    found = measure({"float32": sleeping(float32), "int8": sleeping(int8)}, FACES)
    assert found.slower == found.facts()["int8_is_slower"] == slower
    assert ("int8 is SLOWER than float32 on this host" in found.sentence()) == slower


def test_models_take_turns() -> None:
    """Face by face, so that a busy moment hits all of them."""
    seen: list[str] = []
    models = {
        name: lambda _face, n=name: seen.append(n) for name in ("float32", "int8")
    }
    found = measure(models, FACES)
    assert seen[:4] == ["float32", "int8", "float32", "int8"]
    assert len(seen) == 2 * (found.rounds + 10)


def test_a_sentence() -> None:
    """Host, times, and the ratio with the middle half of what was seen."""
    found = Latency("arm64 Linux", 9, {"float32": 0.6, "int8": 0.15}, (0.25, 0.2, 0.3))
    assert found.sentence() == (
        "ms a face on arm64 Linux: float32 0.600, int8 0.150; int8 takes 0.25 times "
        "as long (0.20 to 0.30)"
    )
