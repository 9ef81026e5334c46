"""A Coral, as the kernel shows it; the library is the real one, or not there."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from altered_bundles import released_as
from doctor_stage import Machine, MakeCase
from fer_contract.manifest import BundleManifest, read_manifest, write_manifest
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.coral import CORAL, find_corals
from fer_edge.doctor.unit import Rights, Unit

_STICK = "/sys/bus/usb/devices/2-1"


def _plug_in(machine: Machine, vendor: str, product: str) -> Path:
    """Put a stick in; return its device file."""
    machine.has(f"{_STICK}/idVendor", vendor)
    machine.has(f"{_STICK}/idProduct", product)
    machine.has(f"{_STICK}/busnum", "2")
    machine.has(f"{_STICK}/devnum", "14")
    machine.has("/dev/bus/usb/002/014", "")
    return machine.world.path("/dev/bus/usb/002/014")


def _has_library() -> bool:
    try:
        ctypes.CDLL("libedgetpu.so.1")
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (("1a6e", "089a"), "USB 1a6e:089a (not used yet)"),
        (("18d1", "9302"), "USB 18d1:9302 (in use before)"),
    ],
)
def test_stick(machine: Machine, ids: tuple[str, str], says: str) -> None:
    """It is known by either of its ids, and its device file by bus and number."""
    _plug_in(machine, *ids)
    (coral,) = find_corals(machine.world)
    assert (coral.name, coral.group) == (says, "plugdev")
    assert coral.node == "/dev/bus/usb/002/014"


def test_card(machine: Machine) -> None:
    """A card is known by its ids; without its driver it has no device file."""
    machine.has("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x1ac1")
    machine.has("/sys/bus/pci/devices/0000:01:00.0/device", "0x089a")
    (coral,) = find_corals(machine.world)
    assert (coral.name, coral.node, coral.group) == ("PCIe 0000:01:00.0", "", "apex")
    machine.has("/dev/apex_0", "")
    (coral,) = find_corals(machine.world)
    assert coral.node == "/dev/apex_0"


def test_other_devices(machine: Machine, make_case: MakeCase) -> None:
    """A mouse is no Coral; that none is there matters only where one is wanted."""
    _plug_in(machine, "046d", "c077")
    assert CORAL.look(make_case()).verdict is Verdict.SKIPPED
    wanted = CORAL.look(make_case('[model]\nedgetpu = "on"\n'))
    assert wanted.verdict is Verdict.WRONG
    assert "18d1:9302" in wanted.mend
    off = CORAL.look(make_case('[model]\nedgetpu = "off"\n'))
    assert off.verdict is Verdict.SKIPPED


def test_card_without_driver(machine: Machine, make_case: MakeCase) -> None:
    """What is missing is named."""
    machine.has("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x1ac1")
    machine.has("/sys/bus/pci/devices/0000:01:00.0/device", "0x089a")
    found = CORAL.look(make_case())
    assert found.verdict is Verdict.WRONG
    assert "gasket" in found.mend


def test_no_right(machine: Machine, make_case: MakeCase, nobody: Rights) -> None:
    """The user of the service is told its group, though root may use the stick."""
    _plug_in(machine, "1a6e", "089a").chmod(0o600)
    found = look_apart(CORAL, make_case(), nobody)
    assert found.verdict is Verdict.WRONG, found
    assert "may not be used" in found.says
    assert "usermod -aG plugdev" in found.mend


@pytest.mark.skipif(_has_library(), reason="libedgetpu is installed here")
def test_no_library(machine: Machine, make_case: MakeCase) -> None:
    """The package that brings it is named."""
    _plug_in(machine, "18d1", "9302")
    found = CORAL.look(make_case())
    assert found.verdict is Verdict.WRONG
    assert "libedgetpu1-std" in found.mend


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared library of C in the place of libedgetpu."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    source = Path(__file__).parents[2] / "stand_in_delegate.c"
    library = tmp_path / "libedgetpu.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))


@pytest.fixture
def compiled(tmp_path: Path, shared: Path) -> Path:
    """A bundle with a file in it that Google compiled, though of another model."""
    bundle = released_as("compiled", tmp_path)
    source = shared / "models" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    shutil.copyfile(source, bundle / BundleManifest.EDGETPU)
    manifest = read_manifest(bundle, BundleManifest)
    write_manifest(bundle, manifest, [*manifest.files, BundleManifest.EDGETPU])
    return bundle


@pytest.mark.usefixtures("stand_in")
def test_model_that_is_not_compiled(machine: Machine, make_case: MakeCase) -> None:
    """The stick has nothing to do, and the processor answers."""
    _plug_in(machine, "18d1", "9302")
    found = look_apart(CORAL, make_case(), None)
    assert found.verdict is Verdict.NOTE, found
    assert "the processor answers" in found.says


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("pci:3", "refuses device 'pci:3': driver of another version"),
        ("usb:0", "ended by SIGABRT: usb_driver.cc:857] transfer on tag 2 failed"),
        ("usb:1", "ended by SIGSEGV"),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_stick_that_fails(
    machine: Machine, make_case: MakeCase, compiled: Path, device: str, says: str
) -> None:
    """What its library says, or how it ended its process, is told."""
    _plug_in(machine, "18d1", "9302")
    text = f'[model]\nbundle = "{compiled}"\nedgetpu_device = "{device}"\n'
    found = look_apart(CORAL, make_case(text), None)
    assert found.verdict is Verdict.WRONG, found
    assert says in found.says


@pytest.mark.usefixtures("stand_in")
def test_stick_of_the_service(
    machine: Machine, make_case: MakeCase, running: Unit
) -> None:
    """Only one process can have it: while the service runs it is left alone."""
    _plug_in(machine, "18d1", "9302")
    found = look_apart(CORAL, make_case(unit=running), None)
    assert found.verdict is Verdict.OK, found
    assert found.says.endswith("left to the service, which runs")
