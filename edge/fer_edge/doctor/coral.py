"""The Coral Edge TPU: plugged in, permitted, its library there, and answering."""

import ctypes
import os
import time
from dataclasses import dataclass

from fer_contract.errors import FerError
from fer_edge.classifiers import ModelSettings
from fer_edge.doctor.asking import World
from fer_edge.doctor.checks import (
    Case,
    Check,
    Finding,
    forbidden,
    note,
    ok,
    skipped,
    wrong,
)

_LIBRARY = "libedgetpu.so.1"
_USB = {("1a6e", "089a"): "not used yet", ("18d1", "9302"): "in use before"}
"""The same stick: it logs on anew when its firmware has been loaded."""
_PCI = ("0x1ac1", "0x089a")
_SELF_TEST_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Coral:
    """One that is plugged in."""

    name: str
    node: str
    """Device file; empty where the kernel has made none."""
    group: str
    """That may use it, by the rules that come with the library."""


def find_corals(world: World) -> list[Coral]:
    """Return what is plugged in, by USB and by PCIe."""
    found = []
    for device in world.folders("/sys/bus/usb/devices"):
        ids = (
            world.text(f"{device}/idVendor") or "",
            world.text(f"{device}/idProduct") or "",
        )
        if ids in _USB:
            bus, number = (
                world.text(f"{device}/{key}") for key in ("busnum", "devnum")
            )
            node = f"/dev/bus/usb/{int(bus or 0):03}/{int(number or 0):03}"
            name = f"USB {':'.join(ids)} ({_USB[ids]})"
            found.append(Coral(name, node, "plugdev"))
    for device in world.folders("/sys/bus/pci/devices"):
        if (world.text(f"{device}/vendor"), world.text(f"{device}/device")) == _PCI:
            nodes = [
                path for path in world.folders("/dev") if path.startswith("/dev/apex_")
            ]
            node = nodes[0] if nodes else ""
            found.append(Coral(f"PCIe {device.rpartition('/')[2]}", node, "apex"))
    return found


def _edgetpu(case: Case) -> Finding:
    settings = case.config.model if case.config else ModelSettings()
    if settings.edgetpu == "off":
        return skipped('model.edgetpu is "off"')
    corals = find_corals(case.world)
    if not corals:
        if settings.edgetpu == "on":
            return wrong(
                'model.edgetpu is "on", and none is plugged in: the processor answers',
                "lsusb -d 18d1:9302; lsusb -d 1a6e:089a; lspci -d 1ac1:089a",
            )
        return skipped("none is plugged in; the processor answers")
    names = ", ".join(coral.name for coral in corals)
    if lack := _lack_of_rights(case, corals):
        return lack
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError as failure:
        return wrong(
            f"{names}, but {_LIBRARY} cannot be loaded ({failure})",
            "sudo apt install libedgetpu1-std, from Google's or feranick's packages",
        )
    if case.unit.runs:
        return ok(f"{names}; left to the service, which runs")
    return _ask(settings, names)


def _lack_of_rights(case: Case, corals: list[Coral]) -> Finding | None:
    for coral in corals:
        if not coral.node:
            return wrong(
                f"{coral.name}, but there is no /dev/apex_0",
                "sudo apt install gasket-dkms, and restart the machine",
            )
        if not os.access(case.world.path(coral.node), os.R_OK | os.W_OK):
            user = case.unit.user or "$USER"
            return forbidden(
                case,
                f"{coral.name}, but {coral.node} may not be used",
                f"sudo usermod -aG {coral.group} {user}, and start its programs anew",
            )
    return None


def _ask(settings: ModelSettings, names: str) -> Finding:
    """Have it do the self-test of the bundle's compiled model, in one more process."""
    from fer_edge.classifiers.cpu import CpuClassifier
    from fer_edge.classifiers.process import (
        EdgeTpuProcess,
        ProcessError,
        edgetpu_command,
    )
    from fer_edge.classifiers.trust import compiled_model, examine
    from fer_edge.models import bundle_of

    try:
        cpu = CpuClassifier(bundle_of(settings.bundle))
    except (FerError, OSError):
        return skipped(f"{names}; the model itself is not to be used")
    compiled, lack = compiled_model(cpu.bundle, cpu.manifest)
    if compiled is None:
        mend = "compile the model with edgetpu_compiler through fer-convert"
        return note(f"{names}, but {lack}: the processor answers", mend)
    process = EdgeTpuProcess(edgetpu_command(compiled, settings.edgetpu_device))
    try:
        examine(process, cpu, time.monotonic() + _SELF_TEST_SECONDS)
    except EOFError:
        reason = process.wait()
    except TimeoutError:
        reason = f"no answer within {_SELF_TEST_SECONDS:g} s"
    except (ProcessError, FerError) as failure:
        reason = str(failure)
    else:
        return ok(f"{names}, passes its self-test")
    finally:
        process.kill()
    return wrong(
        f"{names}: {reason}", "unplug it and plug it in again, at a USB 3 port"
    )


CORAL = Check(
    "edgetpu", "Coral: plugged in, rights, library, self-test", _edgetpu, apart=True,
    seconds=90.0,
)  # fmt: skip
