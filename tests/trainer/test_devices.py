"""The devices of a training, and why none of them is a GPU."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from fer_trainer.devices import Devices, Surroundings, why_no_gpu

WORKSTATION = Surroundings(
    backend="tensorflow",
    has_gpu_support=True,
    driver="570.86.15",
    nodes=2,
    environment={},
)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(WORKSTATION, driver=None), "no NVIDIA driver on this machine"),
        # Without a driver nothing else would help, whatever else is wrong.
        (
            replace(WORKSTATION, driver=None, nodes=0, has_gpu_support=False),
            "no NVIDIA driver on this machine",
        ),
        (
            replace(WORKSTATION, environment={"CUDA_VISIBLE_DEVICES": ""}),
            "CUDA_VISIBLE_DEVICES is '' and hides every GPU; unset it",
        ),
        (
            replace(WORKSTATION, environment={"CUDA_VISIBLE_DEVICES": "-1"}),
            "CUDA_VISIBLE_DEVICES is '-1' and hides every GPU; unset it",
        ),
        (
            replace(WORKSTATION, environment={"NVIDIA_VISIBLE_DEVICES": "void"}),
            "NVIDIA_VISIBLE_DEVICES is 'void' and hides every GPU; unset it",
        ),
        (
            replace(WORKSTATION, backend="jax", environment={"JAX_PLATFORMS": "cpu"}),
            "JAX_PLATFORMS is 'cpu'; unset it",
        ),
        (
            replace(WORKSTATION, nodes=0),
            "NVIDIA driver 570.86.15, but no /dev/nvidia0 here; a container needs to "
            "be started with its GPUs (docker run --gpus all)",
        ),
        (
            replace(WORKSTATION, has_gpu_support=False),
            "NVIDIA driver 570.86.15, but tensorflow is installed without CUDA; "
            "pip install 'fer-edge-toolkit[train-gpu]'",
        ),
        (
            replace(WORKSTATION, backend="jax", has_gpu_support=False),
            "NVIDIA driver 570.86.15, but jax is installed without CUDA; "
            "pip install 'jax[cuda12]'",
        ),
        (
            replace(WORKSTATION, backend="torch", has_gpu_support=False),
            "NVIDIA driver 570.86.15, but torch is installed without CUDA; "
            "install a build of torch with CUDA",
        ),
        (
            WORKSTATION,
            "NVIDIA driver 570.86.15, but tensorflow finds no GPU that it can use; "
            "the driver may be too old for its CUDA, see nvidia-smi",
        ),
        (
            replace(WORKSTATION, environment={"CUDA_VISIBLE_DEVICES": "7"}),
            "NVIDIA driver 570.86.15, CUDA_VISIBLE_DEVICES '7', but tensorflow finds "
            "no GPU that it can use; the driver may be too old for its CUDA, see "
            "nvidia-smi",
        ),
        # JAX's setting is nothing to TensorFlow.
        (
            replace(WORKSTATION, nodes=0, environment={"JAX_PLATFORMS": "cpu"}),
            "NVIDIA driver 570.86.15, but no /dev/nvidia0 here; a container needs to "
            "be started with its GPUs (docker run --gpus all)",
        ),
    ],
)
def test_why_there_is_no_gpu(found: Surroundings, told: str) -> None:
    """The first thing that is missing, and what mends it."""
    assert why_no_gpu(found) == told


def test_devices_in_one_line() -> None:
    """Devices of the same model are counted."""
    devices = Devices("jax", "gpu", ("NVIDIA A", "NVIDIA B", "NVIDIA A"), (1, 2, 1))
    assert str(devices) == "jax on GPU: 2 x NVIDIA A, NVIDIA B"
    devices = Devices("torch", "cpu", ("Some processor, 2 cores",), reason="no driver")
    assert str(devices) == "torch on CPU: Some processor, 2 cores (no driver)"


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_devices_of_this_machine(backend: str) -> None:
    """Whatever they are: named, true of the backend, and found without chatter."""
    pytest.importorskip(backend, reason=f"{backend} is missing: pip install {backend}")
    ask = "import json\nfrom fer_trainer.devices import Devices\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{ask}print(json.dumps(Devices.find().facts()))"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"KERAS_BACKEND": backend},
    )  # fmt: skip
    assert done.stderr == ""
    facts = json.loads(done.stdout)
    assert facts["backend"] == backend
    assert facts["names"]
    assert all(size > 0 for size in facts["memory_mib"])
    if facts["kind"] == "cpu":
        assert facts["reason"]
        assert facts["names"][0].endswith("cores")
    else:
        assert facts["reason"] is None
