"""Which classifier the settings and the bundle lead to, and the Edge TPU's own process.

There is no Edge TPU here. What runs is the real process, with the real library
missing, with a stand-in of C for it, or without a library on a plain model.
"""

import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetpu_stage import Stage, eventually
from fer_contract.errors import DigestError, ManifestError
from fer_contract.manifest import BundleManifest
from fer_contract.preprocess import Pixels
from fer_edge.classifiers import Device, ModelSettings, make_classifier
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
from fer_edge.classifiers.process import edgetpu_command
from fer_edge.models import RELEASED

Edit = Callable[..., None]

_COMPILED = BundleManifest.EDGETPU
_REAL = (
    "keras_lstm_mnist_ptq_edgetpu.tflite",
    "mobilenet_v1_0.25_128_quant_edgetpu.tflite",
    "split_concat_edgetpu.tflite",
)


def _settings(bundle: Path, edgetpu: str) -> ModelSettings:
    return ModelSettings(bundle=str(bundle), edgetpu=edgetpu)


@pytest.fixture
def without_library() -> None:
    """Skip where the library of the Edge TPU is installed."""
    if ctypes.util.find_library("edgetpu"):
        pytest.skip("libedgetpu is installed: remove it to see what is done without")


@pytest.fixture
def compiled_bundle(own_bundle: Path, shared: Path, edit_manifest: Edit) -> Path:
    """A bundle with a file in it that Google compiled, though of another model."""
    shutil.copyfile(shared / "models" / _REAL[1], own_bundle / _COMPILED)
    edit_manifest(own_bundle, _COMPILED)
    return own_bundle


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A shared library in the place of libedgetpu."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    library = tmp_path / "libstandin.so"
    source = Path(__file__).parents[2] / "stand_in_delegate.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def test_bundle_without_a_compiled_model(caplog: pytest.LogCaptureFixture) -> None:
    """The processor answers; only who insisted on the Edge TPU is told."""
    for edgetpu in ("off", "auto"):
        made = make_classifier(_settings(RELEASED, edgetpu))
        assert isinstance(made, CpuClassifier)
        assert str(made.state) == "cpu"
    assert caplog.messages == []
    made = make_classifier(_settings(RELEASED, "on"))
    lack = f"{RELEASED}: the manifest lists no {_COMPILED}"
    assert str(made.state) == f"cpu (Edge TPU: {lack})"
    assert caplog.messages == [f"Edge TPU: {lack}; the processor answers"]


def test_compiled_model_that_is_none(own_bundle: Path, edit_manifest: Edit) -> None:
    """A plain model under the name would run on the processor: it is not tried."""
    shutil.copyfile(own_bundle / BundleManifest.MODEL, own_bundle / _COMPILED)
    edit_manifest(own_bundle, _COMPILED)
    made = make_classifier(_settings(own_bundle, "on"))
    assert isinstance(made, CpuClassifier)
    assert made.state.reason.endswith(
        f"{_COMPILED}: holds no edgetpu-custom-op, so it is not compiled"
    )


def test_edge_tpu_switched_off(compiled_bundle: Path) -> None:
    """The processor answers, and no process is started."""
    made = make_classifier(_settings(compiled_bundle, "off"))
    assert isinstance(made, CpuClassifier)


def test_damaged_compiled_model(compiled_bundle: Path) -> None:
    """A bundle with a damaged file in it is refused, whoever would read the file."""
    path = compiled_bundle / _COMPILED
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for edgetpu in ("off", "auto", "on"):
        with pytest.raises(DigestError, match=f"^{path}: SHA-256 is "):
            make_classifier(_settings(compiled_bundle, edgetpu))


def test_newer_schema(compiled_bundle: Path, edit_manifest: Edit) -> None:
    """A bundle of a later version is refused before anything is started."""
    edit_manifest(compiled_bundle, schema=99)
    with pytest.raises(ManifestError, match="schema: 99 is newer than"):
        make_classifier(_settings(compiled_bundle, "on"))


@pytest.mark.parametrize("name", _REAL)
@pytest.mark.usefixtures("without_library")
def test_library_that_is_missing(
    name: str,
    compiled_bundle: Path,
    shared: Path,
    edit_manifest: Edit,
    face: Pixels,
    classifier: CpuClassifier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The processor answers; what is missing is said once; nothing is tried again."""
    shutil.copyfile(shared / "models" / name, compiled_bundle / _COMPILED)
    edit_manifest(compiled_bundle)
    made = make_classifier(_settings(compiled_bundle, "auto"))
    assert isinstance(made, EdgeTpuClassifier)
    assert made.scores(face) == classifier.scores(face)
    state = made.wait_until_settled(120.0)
    reason = (
        "libedgetpu.so.1: cannot open shared object file: No such file or directory"
    )
    assert (state.device, state.reason) == (Device.CPU, reason)
    assert (state.restarts, state.failures) == (0, 1)
    assert made.scores(face) == classifier.scores(face)
    made.close()
    assert caplog.messages == [f"Edge TPU: {reason}; the processor answers"]


def test_device_named_in_the_settings() -> None:
    """It goes to the process, which is the only one that loads the library."""
    command = edgetpu_command(Path("m_edgetpu.tflite"), "usb:1")
    assert command[-3:] == ["m_edgetpu.tflite", "libedgetpu.so.1", "usb:1"]


def test_real_process_without_a_library(stage: Stage, face: Pixels) -> None:
    """The whole way but the library: self-test, faces, and the processor's scores."""
    model = stage.cpu.bundle / BundleManifest.MODEL
    made = stage.make(edgetpu_command(model, "", library=""))
    assert made.wait_until_settled(120.0).device is Device.EDGETPU
    faces = np.random.default_rng(1).integers(0, 256, (20, 48, 48, 1), dtype=np.uint8)
    for each in (face, face[::-1], *faces):
        assert made.scores(each) == stage.cpu.scores(each)
    assert (made.state.device, made.state.failures) == (Device.EDGETPU, 0)


def test_real_process_with_a_model_of_another_purpose(
    stage: Stage, shared: Path
) -> None:
    """A model that does not take faces is a line, not a crash."""
    model = shared / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    state = stage.make(
        edgetpu_command(model, "", library=""), edgetpu_failures=1
    ).wait_until_settled(120)
    assert state.device is Device.CPU
    assert state.reason == f"{model}: input is (1, 128, 128, 3); (1, H, W, 1) is wanted"


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("usb:0", "ended by SIGABRT: usb_driver.cc:857] transfer on tag 2 failed."),
        ("usb:1", "ended by SIGSEGV"),
        ("usb:2", "not ready within 5 s"),
        ("", "libstandin.so refuses a device: none is there, no permission, or busy"),
        ("pci:3", "libstandin.so refuses device 'pci:3': driver of another version"),
    ],
    ids=["aborts", "crashes", "hangs", "refuses", "refuses one"],
)
def test_real_process_with_a_library_that_fails(
    device: str, reason: str, stand_in: Path, stage: Stage, face: Pixels
) -> None:
    """What the library does to its process is a line, and the daemon lives on."""
    command = edgetpu_command(stage.cpu.bundle / BundleManifest.MODEL, device)
    command[-2] = str(stand_in)
    seconds = 5.0 if device == "usb:2" else 120.0
    made = stage.make(command, edgetpu_failures=1, edgetpu_start_seconds=seconds)
    state = made.wait_until_settled(120.0)
    assert state.device is Device.CPU
    assert state.reason.removeprefix(f"{stand_in.parent}/").startswith(reason)
    assert made.scores(face) == stage.cpu.scores(face)
    assert "libstandin" not in Path("/proc/self/maps").read_text()


def test_real_process_with_a_library_of_something_else(stage: Stage) -> None:
    """A library that is no delegate is named, and not tried again."""
    command = edgetpu_command(stage.cpu.bundle / BundleManifest.MODEL, "")
    command[-2] = "libc.so.6"
    state = stage.make(command).wait_until_settled(120.0)
    assert "undefined symbol: tflite_plugin_create_delegate" in state.reason
    assert (state.device, state.restarts) == (Device.CPU, 0)


_DAEMON = """
import sys, time
from fer_edge.classifiers import ModelSettings
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
from fer_edge.models import RELEASED

settings = ModelSettings(edgetpu_start_seconds=600.0)
EdgeTpuClassifier(CpuClassifier(RELEASED), settings, sys.argv[1:])
time.sleep(3600.0)
"""


def _alive(pid: int) -> bool:
    """Tell whether a process has not ended; one that nobody buries has."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_daemon_that_is_killed(stand_in: Path, stage: Stage) -> None:
    """Its Edge TPU's process ends with it, even one that hangs in the library."""
    command = edgetpu_command(stage.cpu.bundle / BundleManifest.MODEL, "usb:2")
    command[-2] = str(stand_in)
    with subprocess.Popen([sys.executable, "-c", _DAEMON, *command]) as daemon:
        children: list[int] = []

        def hangs() -> bool:
            tasks = Path(f"/proc/{daemon.pid}/task").glob("*/children")
            children[:] = [
                int(pid) for task in tasks for pid in task.read_text().split()
            ]
            return any(
                stand_in.name in Path(f"/proc/{pid}/maps").read_text()
                for pid in children
            )

        eventually(hangs)
        (child,) = children
        os.kill(child, signal.SIGTERM)  # as systemd sends to every process of a service
        assert _alive(child)
        daemon.kill()
    eventually(lambda: not _alive(child))
