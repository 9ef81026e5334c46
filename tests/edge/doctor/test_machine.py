"""Heat, power and time, on machines that are folders."""

import pytest

from doctor_stage import Machine, MakeCase
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.machine import CLOCK, TEMPERATURE, THROTTLING

_ZONE = "/sys/class/thermal/thermal_zone"
_THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("thousandths", "verdict"),
    [("48312", "ok"), ("72000", "note"), ("80000", "wrong"), ("-5000", "ok")],
)
def test_temperature(
    machine: Machine, make_case: MakeCase, thousandths: str, verdict: str
) -> None:
    """The hottest sensor counts, and is named."""
    machine.has(_THROTTLED, "0")
    machine.has(f"{_ZONE}0/type", "cpu-thermal")
    machine.has(f"{_ZONE}0/temp", thousandths)
    machine.has(f"{_ZONE}1/temp", "-40000")
    found = TEMPERATURE.look(make_case())
    assert found.verdict == verdict
    assert found.says.startswith(f"{int(thousandths) / 1000:.0f} °C (cpu-thermal)")
    assert bool(found.mend) == (verdict != "ok")


def test_hot_elsewhere(machine: Machine, make_case: MakeCase) -> None:
    """What slows a Raspberry Pi down may be nothing to another machine."""
    machine.answers("vcgencmd", "not a Raspberry Pi", code=1)
    machine.has(f"{_ZONE}0/temp", "91000")
    assert TEMPERATURE.look(make_case()).verdict is Verdict.NOTE


def test_no_temperature(machine: Machine, make_case: MakeCase) -> None:
    """A machine without sensors, or whose sensor is broken, is not blamed."""
    assert TEMPERATURE.look(make_case()).verdict is Verdict.SKIPPED
    machine.has(f"{_ZONE}0/temp", "Invalid argument")
    assert TEMPERATURE.look(make_case()).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("bits", "verdict", "says", "mend"),
    [
        ("0", "ok", "none since the start", ""),
        ("50005", "wrong", "now: too little voltage, throttled (0x50005)", "power"),
        ("50000", "note", "since the start: too little voltage, throttled", "power"),
        ("4", "wrong", "now: throttled (0x4)", "heat sink"),
        ("80000", "note", "since the start: at its soft limit", "heat sink"),
    ],
)
@pytest.mark.parametrize("source", ["kernel", "vcgencmd"])
def test_throttling(
    machine: Machine,
    make_case: MakeCase,
    bits: str,
    verdict: str,
    says: str,
    mend: str,
    source: str,
) -> None:
    """The firmware's bits are told in words, from the kernel or from vcgencmd."""
    if source == "kernel":
        machine.has(_THROTTLED, bits)
    else:
        machine.answers("vcgencmd", f"throttled=0x{bits}")
    found = THROTTLING.look(make_case())
    assert (found.verdict, found.says[: len(says)]) == (verdict, says)
    assert mend in found.mend


@pytest.mark.parametrize("said", ["", "VCHI initialization failed", "throttled=?"])
def test_no_firmware(machine: Machine, make_case: MakeCase, said: str) -> None:
    """No Raspberry Pi is no fault."""
    if said:
        machine.answers("vcgencmd", said, code=255 if "failed" in said else 0)
    assert THROTTLING.look(make_case()).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(("said", "verdict"), [("yes", "ok"), ("no", "wrong")])
def test_clock(machine: Machine, make_case: MakeCase, said: str, verdict: str) -> None:
    """Whether it is synchronised is what timedatectl says."""
    machine.answers("timedatectl", said)
    found = CLOCK.look(make_case())
    assert found.verdict == verdict
    assert bool(found.mend) == (verdict == "wrong")


def test_clock_without_timedatectl(machine: Machine, make_case: MakeCase) -> None:
    """Timesyncd's file tells it, too; without either nobody does."""
    machine.answers("timedatectl", "System has not been booted with systemd", code=1)
    assert CLOCK.look(make_case()).verdict is Verdict.NOTE
    machine.has("/run/systemd/timesync/synchronized", "")
    assert CLOCK.look(make_case()).verdict is Verdict.OK


def test_command_that_hangs(machine: Machine, make_case: MakeCase) -> None:
    """It is left at its deadline, and tells nothing."""
    machine.does("vcgencmd", "exec sleep 600")
    case = make_case()
    hasty = type(case.world)(case.world.root, case.world.programs, command_seconds=0.2)
    answer = hasty.run("vcgencmd", "get_throttled")
    assert (answer.code, answer.text) == (-1, "vcgencmd: no end after 0.2 s")
