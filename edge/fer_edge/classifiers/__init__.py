"""What a face shows: on the processor, or on an Edge TPU with the processor behind it.

This module is loaded by the Edge TPU's process too, so it imports little.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from fer_contract.preprocess import InputSpec, Pixels
from fer_edge.options import option

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What tells the emotions, and on which processor."""

    bundle: str = option("", example="/home/pi/bundle")
    """Directory that fer-convert made; empty for the active one of those that
    ``sudo fer-edge models install`` has put here, or for the released model, which came
    with this package, where none is."""
    probation_seconds: float = option(300.0, low=0.0, high=86400.0)
    """How long the daemon has to run with a newly installed model before it is trusted.
    If the model is refused or the daemon dies earlier, twice, it goes back to the model
    before by itself."""
    public_key: str = option(
        "", example="RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
    )
    """Key of whoever makes the models, the last line of minisign's .pub file; with it
    no model but the released one is used without a signature, manifest.json.minisig in
    its bundle. Needs PyNaCl: ``pip install 'fer-edge-toolkit[signed]'``. Empty asks for
    no signature."""
    threads: int = option(1, low=1, high=64)
    """Threads of the processor for one face, which is too little work to share."""
    edgetpu: str = option("auto", one_of=("auto", "on", "off"))
    """Whether an Edge TPU (Coral) is used. ``auto`` uses it where the bundle holds a
    compiled model and libedgetpu is installed; ``on`` complains where the bundle holds
    none. The processor answers while the Edge TPU cannot."""
    edgetpu_device: str = option(
        "", forms=("", ":N", "usb", "usb:N", "pci", "pci:N"), example="usb:0"
    )
    """Which Edge TPU, where there are several, with N counted from 0; empty for the
    first one."""
    edgetpu_start_seconds: float = option(30.0, low=1.0, high=600.0)
    """Longest time from the start of the Edge TPU's process to its passed self-test. On
    USB the device logs on twice, which takes about 3 seconds."""
    edgetpu_deadline_seconds: float = option(1.0, low=0.01, high=60.0)
    """Longest time for a face on the Edge TPU. After it the process is killed and
    started again; the processor answers, also for this face."""
    edgetpu_restart_first_seconds: float = option(1.0, low=0.1, high=3600.0)
    """Pause before the Edge TPU is started again; twice as long after each further
    failure."""
    edgetpu_restart_longest_seconds: float = option(60.0, low=0.1, high=3600.0)
    """Longest of these pauses. An Edge TPU that has worked for as long has failed for
    the first time when it fails next."""
    edgetpu_failures: int = option(5, low=1, high=100)
    """Failures in a row after which the Edge TPU is left alone for a while."""
    edgetpu_retry_seconds: float = option(600.0, low=1.0, high=86400.0)
    """How long it is left alone before it is tried again."""


class Device(StrEnum):
    """What answers."""

    CPU = "cpu"
    EDGETPU = "edgetpu"


@dataclass(frozen=True, slots=True)
class ClassifierState:
    """What answers now, and why; for the status."""

    device: Device
    since: float
    """Seconds of ``time.monotonic`` at which it began to answer."""
    reason: str = ""
    """Why it is not the Edge TPU; empty where none was asked for."""
    failures: int = 0
    """Of the Edge TPU in a row."""
    restarts: int = 0
    """Of the Edge TPU's process."""

    def __str__(self) -> str:
        return (
            f"{self.device} (Edge TPU: {self.reason})" if self.reason else self.device
        )


class Classifier(Protocol):
    """Scores faces."""

    name: str
    """What events call the model."""
    input: InputSpec
    threshold: float
    """Below it a score is uncertain, says the converter; 0 to 1."""
    runtime: str
    """Name and version of what runs the model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it tells apart, in the order of the model's outputs."""

    @property
    def state(self) -> ClassifierState:
        """What answers now; may be asked by any thread."""

    def scores(self, face: Pixels) -> Mapping[str, float]:
        """Return a score a label, 0 to 1, summing to 1.

        Args:
            face: uint8 (H, W, 1), 0-255, as ``crop_face`` cuts it for ``input``.
        """

    def close(self) -> None:
        """Let go of devices and processes."""


def make_classifier(settings: ModelSettings, bundle: Path | None = None) -> Classifier:
    """Make the classifier that the settings ask for, at work on its return.

    Args:
        settings: ``[model]``.
        bundle: to be used; the one that the settings name if not given.

    Raises:
        FerError: the bundle cannot be used, or no runtime is installed.
    """
    from fer_edge.classifiers.cpu import CpuClassifier
    from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
    from fer_edge.classifiers.process import edgetpu_command
    from fer_edge.classifiers.trust import compiled_model
    from fer_edge.models import bundle_of

    bundle = bundle or bundle_of(settings.bundle)
    cpu = CpuClassifier(bundle, settings.threads)
    if settings.edgetpu == "off":
        return cpu
    compiled, lack = compiled_model(bundle, cpu.manifest)
    if compiled is None:
        if settings.edgetpu == "on":
            _LOGGER.warning("Edge TPU: %s; the processor answers", lack)
            cpu.reason = lack
        return cpu
    command = edgetpu_command(compiled, settings.edgetpu_device)
    return EdgeTpuClassifier(cpu, settings, command)
