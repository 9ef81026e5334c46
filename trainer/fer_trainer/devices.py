"""What a training computes on: the GPUs, or the processor and why it is that.

The backend finds the devices; what it does not say, why it found no GPU, is read from
the system and decided in ``why_no_gpu``, which is pure.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_trainer.backend import start_keras

_MIB = 1024 * 1024
_HIDDEN = ("", "-1", "none", "void", "nodevfiles")
"""Values of CUDA_VISIBLE_DEVICES, and of NVIDIA_VISIBLE_DEVICES for containers, that
leave no GPU."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of this machine that a training uses."""

    backend: str
    """Of Keras: tensorflow, jax or torch."""
    kind: str
    """gpu, tpu or cpu."""
    names: tuple[str, ...]
    """Model of each device; of the processors together, one."""
    memory_mib: tuple[int, ...] = ()
    """MiB of each device, as far as they can be told; of a processor, the machine's."""
    reason: str = ""
    """Why no GPU is used; empty if one is."""

    @classmethod
    def find(cls) -> "Devices":
        """Ask the backend, which is started if it has not been.

        Raises:
            FerError: the backend cannot be started.
        """
        backend = start_keras().backend.backend()
        finders = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
        kind, names, memory, has_gpu_support = finders[backend]()
        if names:
            return cls(backend, kind, names, memory)
        reason = why_no_gpu(read_surroundings(backend, has_gpu_support))
        return cls(backend, "cpu", (_processor(),), _main_memory(), reason)

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {
            "backend": self.backend,
            "kind": self.kind,
            "names": list(self.names),
            "memory_mib": list(self.memory_mib),
            "reason": self.reason or None,
        }

    def __str__(self) -> str:
        """One line for people."""
        counts = {name: self.names.count(name) for name in self.names}
        named = ", ".join(
            f"{count} x {name}" if count > 1 else name for name, count in counts.items()
        )
        because = f" ({self.reason})" if self.reason else ""
        return f"{self.backend} on {self.kind.upper()}: {named}{because}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a machine has of all that a GPU needs."""

    backend: str
    has_gpu_support: bool
    """The backend is built for GPUs, and has its CUDA libraries."""
    driver: str | None = None
    """Version of the NVIDIA driver of the running kernel."""
    nodes: int = 0
    """GPUs that this process, in its container, can open: ``/dev/nvidia0`` and on."""
    environment: Mapping[str, str] | None = None


def why_no_gpu(found: Surroundings) -> str:
    """Say in one line why a training runs on the processor, and what mends it."""
    environment = found.environment or {}
    if found.driver is None:
        return "no NVIDIA driver on this machine"
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"):
        value = environment.get(name)
        if value is not None and value.strip().lower() in _HIDDEN:
            return f"{name} is {value!r} and hides every GPU; unset it"
    platforms = environment.get("JAX_PLATFORMS", "")
    if found.backend == "jax" and platforms and "cpu" in platforms.split(",")[0]:
        return f"JAX_PLATFORMS is {platforms!r}; unset it"
    if not found.nodes:
        return (
            f"NVIDIA driver {found.driver}, but no /dev/nvidia0 here; a container "
            "needs to be started with its GPUs (docker run --gpus all)"
        )
    if not found.has_gpu_support:
        return (
            f"NVIDIA driver {found.driver}, but {found.backend} is installed without "
            f"CUDA; {_INSTALL[found.backend]}"
        )
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    which = f", CUDA_VISIBLE_DEVICES {visible!r}" if visible is not None else ""
    return (
        f"NVIDIA driver {found.driver}{which}, but {found.backend} finds no GPU that "
        "it can use; the driver may be too old for its CUDA, see nvidia-smi"
    )


_INSTALL = {
    "tensorflow": "pip install 'fer-edge-toolkit[train-gpu]'",
    "jax": "pip install 'jax[cuda12]'",
    "torch": "install a build of torch with CUDA",
}


def read_surroundings(backend: str, has_gpu_support: bool) -> Surroundings:
    """Look at this machine."""
    return Surroundings(
        backend=backend,
        has_gpu_support=has_gpu_support,
        driver=_driver(),
        nodes=len(list(Path("/dev").glob("nvidia[0-9]*")))
        # Windows' Linux has one node for all GPUs, and its driver outside.
        or int(Path("/dev/dxg").exists()),
        environment=dict(os.environ),
    )


def _driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(errors="replace")
    except OSError:
        return "of Windows" if Path("/dev/dxg").exists() else None
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", text)
    return found.group() if found else "of unknown version"


_Found = tuple[str, tuple[str, ...], tuple[int, ...], bool]
"""kind, names and memory of the accelerators, and whether there could be any."""


def _tensorflow() -> _Found:
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = tuple(str(detail.get("device_name", "GPU")) for detail in details)
    # The wheel is always built with CUDA; its libraries come beside it, if asked for.
    built = bool(tensorflow.test.is_built_with_cuda()) and _is_installed("nvidia")
    return "gpu", names, _memory_of(names), built


def _jax() -> _Found:
    import jax

    devices = [device for device in jax.local_devices() if device.platform != "cpu"]
    kind = "tpu" if any(device.platform == "tpu" for device in devices) else "gpu"
    names = tuple(device.device_kind for device in devices)
    memory = tuple(
        (device.memory_stats() or {}).get("bytes_limit", 0) // _MIB
        for device in devices
    )
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin")
    built = any(_is_installed(plugin) for plugin in plugins)
    return kind, names, memory if all(memory) else (), built


def _torch() -> _Found:
    import torch

    # Not tensors' default device: Keras places them on the first GPU and on no other.
    count = min(torch.cuda.device_count(), 1) if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(index) for index in range(count)]
    names = tuple(item.name for item in properties)
    memory = tuple(item.total_memory // _MIB for item in properties)
    return "gpu", names, memory, torch.version.cuda is not None


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _memory_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """Ask NVIDIA's own tool, since TensorFlow does not tell; empty without it."""
    program = shutil.which("nvidia-smi")
    if program is None or not names:
        return ()
    query = "--query-gpu=name,memory.total"
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        rows = [line.rsplit(",", 1) for line in done.stdout.splitlines()]
        sizes = {name.strip(): int(size) for name, size in rows}
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()
    known = tuple(sizes[name] for name in names if name in sizes)
    return known if len(known) == len(names) else ()


def _processor() -> str:
    """Return the processor's model and how many cores this process may use."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = named.group(1).strip() if named else platform.machine() or "processor"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return f"{name}, {cores or os.cpu_count() or 1} cores"


def _main_memory() -> tuple[int, ...]:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return ()
    return (pages * size // _MIB,)
