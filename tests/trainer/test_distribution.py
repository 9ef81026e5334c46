"""One network from several devices and hosts: the very one that a single device makes.

The hosts are processes of ``training_host.py`` that meet on loopback.
"""

import functools
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from addresses import free_addresses
from processes import Forked

PROGRAM = Path(__file__).with_name("training_host.py")
SECONDS = 120

# Sums are made in another order. One step of float32 at a weight of 1 is 1.2e-7.
TOLERANCE = 2e-6


def start(backend: str, out: Path, **settings: Any) -> Forked:
    """Start one host."""
    environment = os.environ | {"KERAS_BACKEND": backend}
    environment.pop("TF_CONFIG", None)
    given = [f"{key}={value}" for key, value in settings.items()]
    return Forked(PROGRAM, out, *given, environment=environment)


def finish(*processes: Forked) -> list[tuple[int, str]]:
    """Wait for hosts; return the exit code and the messages of each."""
    try:
        said = [process.communicate(timeout=SECONDS)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.wait() for process in processes]
    return list(zip(codes, said, strict=True))


def train(backend: str, *outs: Path, **settings: Any) -> None:
    """Train on as many hosts as there are places for what they make."""
    if len(outs) > 1:
        settings["hosts"] = ",".join(free_addresses(len(outs)))
    ended = finish(
        *(
            start(backend, out, **settings, **({"index": index} if outs[1:] else {}))
            for index, out in enumerate(outs)
        )
    )
    for code, said in ended:
        assert code == 0, said


def weights(out: Path) -> list[Any]:
    """Return every variable of network and optimizer."""
    with np.load(out.with_suffix(".npz")) as stored:
        return [stored[name].astype(np.float64) for name in stored.files]


def distance(one: Path, other: Path) -> float:
    """Return the largest difference between variables."""
    pairs = zip(weights(one), weights(other), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def story(out: Path) -> dict[str, Any]:
    """Return what a host saw."""
    document: dict[str, Any] = json.loads(out.with_suffix(".json").read_text())
    return document


@pytest.fixture(params=["tensorflow", "jax"])
def backend(request: pytest.FixtureRequest) -> str:
    """A backend that can distribute."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install {request.param}")
    return str(request.param)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what one device makes, by backend and dropout; trained once."""
    folder = tmp_path_factory.mktemp("alone")

    @functools.cache
    def trained(backend: str, dropout: float = 0.0) -> Path:
        out = folder / f"{backend}-{dropout}"
        train(backend, out, dropout=dropout)
        return out

    return trained


def test_two_hosts(backend: str, alone: Any, tmp_path: Path) -> None:
    """Both hold the network that one process makes; only the chief has judged it."""
    # With JAX even dropout draws as on one device.
    dropout = 0.3 if backend == "jax" else 0.0
    outs = tmp_path / "chief", tmp_path / "other"
    train(backend, *outs, dropout=dropout)
    single = alone(backend, dropout)
    assert distance(*outs) == 0
    # Dropout's factor makes the rounding of one step larger.
    assert distance(single, outs[0]) < TOLERANCE * (10 if dropout else 1)
    chief, other = map(story, outs)
    assert chief["facts"]["hosts"] == chief["facts"]["replicas"] == 2
    assert chief["logs"] == other["logs"]
    for here, there in zip(chief["logs"], story(single)["logs"], strict=True):
        assert here == pytest.approx(there, abs=1e-5)
    assert np.allclose(chief["judged"], story(single)["judged"], atol=1e-5)
    assert other["judged"] == []


def test_two_devices_of_one_host(backend: str, alone: Any, tmp_path: Path) -> None:
    """One processor that acts as two devices makes the same network."""
    train(backend, tmp_path / "out", devices=2)
    assert story(tmp_path / "out")["facts"]["replicas"] == 2
    assert distance(alone(backend), tmp_path / "out") < TOLERANCE


def test_a_state_that_only_the_chief_has(
    backend: str, alone: Any, tmp_path: Path
) -> None:
    """All hosts go on from it, and train no epoch more than is asked for."""
    kept = alone(backend)
    outs = tmp_path / "chief", tmp_path / "other"
    hosts = ",".join(free_addresses(2))
    common = {"hosts": hosts, "resume_epoch": 3}
    ended = finish(
        start(backend, outs[0], index=0, resume=kept.with_suffix(".npz"), **common),
        start(backend, outs[1], index=1, resume=tmp_path / "none.npz", **common),
    )
    assert [code for code, _ in ended] == [0, 0], ended
    assert distance(kept, outs[0]) == distance(kept, outs[1]) == 0


def test_the_chief_ends_the_training(backend: str, tmp_path: Path) -> None:
    """Early stopping is decided once, and after it the chief may take its time."""
    outs = tmp_path / "chief", tmp_path / "other"
    train(backend, *outs, stop_after=1, pause=2.0)
    assert [len(story(out)["logs"]) for out in outs] == [1, 1]


def test_a_host_that_dies(backend: str, tmp_path: Path) -> None:
    """The other ends too, with one line and the exit code of an error."""
    common = {"hosts": ",".join(free_addresses(2)), "epochs": 5}
    (code, said), (died, _) = finish(
        start(backend, tmp_path / "chief", index=0, **common),
        start(backend, tmp_path / "other", index=1, die_in=2, **common),
    )
    assert died == 77
    assert code == 2, said
    (line,) = [line for line in said.splitlines() if line.startswith("--hosts: lost")]
    assert "start all" in line
    assert "Traceback" not in said


def test_a_chief_that_fails(backend: str, tmp_path: Path) -> None:
    """A full disk there ends the others at once."""
    common = {"hosts": ",".join(free_addresses(2))}
    (code, _), (other, said) = finish(
        start(backend, tmp_path / "chief", index=0, fail_in=1, **common),
        start(backend, tmp_path / "other", index=1, **common),
    )
    assert code != 0
    assert other == 2, said
    assert "(--host-index 0) (connection closed); see what it says" in said


def test_a_backend_that_cannot_distribute(tmp_path: Path) -> None:
    """PyTorch says which can; it does not train each host for itself."""
    pytest.importorskip("torch", reason="torch is not installed: pip install torch")
    hosts = "127.0.0.1:5000,127.0.0.1:5002"
    ((code, said),) = finish(start("torch", tmp_path / "out", hosts=hosts, index=0))
    assert code == 2
    assert "--hosts: KERAS_BACKEND is torch, which trains on one device" in said
