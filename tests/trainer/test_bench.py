"""The benchmark: what it measures, not how fast this machine is today."""

import json
from typing import Any

import numpy as np
import pytest

from fer_contract.dataset import FaceData
from processes import run_command

LARGE_BYTES = 3 * 2**30


@pytest.fixture(scope="module")
def facts(few_faces: FaceData) -> dict[str, Any]:
    """What a benchmark prints that a large process has started."""
    large = np.ones(LARGE_BYTES // 8)
    done = run_command(
        "fer-train", "bench", "--data", few_faces.source, "--preset", "base",
        "--batch-size", "16", "--rounds", "1", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert large.nbytes == LARGE_BYTES  # until here it was there
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_benchmark(facts: dict[str, Any]) -> None:
    """Step, memory and pipeline, as JSON; every figure is of this run."""
    step, pipeline = facts["step"], facts["pipeline"]
    assert step["batch_size"] == 16
    assert step["data_ms"] > 0
    assert step["compute_ms"] > 0
    assert 0 <= step["waiting"] < 1
    assert facts["memory"]["faces"] == 96
    assert 100e6 < facts["memory"]["peak_bytes"] < 4e9
    ratio = pipeline["images_per_second"] / pipeline["image_data_generator"]
    assert pipeline["ratio"] == ratio


def test_memory_of_a_process_that_a_large_one_started(facts: dict[str, Any]) -> None:
    """Linux's ru_maxrss would be the larger one's: it outlives the new program."""
    assert facts["memory"]["peak_bytes"] < LARGE_BYTES
