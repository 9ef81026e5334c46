"""The machine below: heat, power, time."""

from datetime import UTC, datetime

from fer_edge.doctor.asking import World
from fer_edge.doctor.checks import Case, Check, Finding, note, ok, skipped, wrong

_WARM, _HOT = 70.0, 80.0
"""Degrees Celsius: from 80 on a Raspberry Pi's firmware slows its processor down."""

_FIRST_YEAR = 2025
"""This was written then; a clock that shows less was never set."""

_THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
_SINCE_START = 16
"""Bits from here on tell of the same since the start of the machine."""
_BITS = {
    0: "too little voltage",
    1: "its frequency is capped",
    2: "throttled",
    3: "at its soft limit of temperature",
}
_POWER = "use the power supply made for this Pi, and a short cable"
_COOL = "give it a heat sink or a fan, or a cooler place"


def _temperature(case: Case) -> Finding:
    seen = []
    for zone in case.world.folders("/sys/class/thermal"):
        text = case.world.text(f"{zone}/temp") or ""
        if text.lstrip("-").isdigit():
            name = case.world.text(f"{zone}/type") or zone.rpartition("/")[2]
            seen.append((int(text) / 1000, name))
    if not seen:
        return skipped("this machine tells no temperature")
    degrees, name = max(seen)
    says = f"{degrees:.0f} °C ({name})"
    # Elsewhere nobody knows from where on; a laptop's works well at 90.
    if degrees >= _HOT and _throttled_bits(case.world) is not None:
        return wrong(f"{says}; from {_HOT:.0f} on the processor slows down", _COOL)
    if degrees >= _WARM:
        return note(f"{says}; from {_HOT:.0f} on the processor slows down", _COOL)
    return ok(says)


def _throttling(case: Case) -> Finding:
    bits = _throttled_bits(case.world)
    if bits is None:
        return skipped("neither the kernel nor vcgencmd tells; not a Raspberry Pi")
    now = [text for bit, text in _BITS.items() if bits >> bit & 1]
    if now:
        mend = _POWER if bits & 1 else _COOL
        return wrong(f"now: {', '.join(now)} ({bits:#x})", mend)
    earlier = [text for bit, text in _BITS.items() if bits >> (bit + _SINCE_START) & 1]
    if earlier:
        mend = _POWER if bits >> _SINCE_START & 1 else _COOL
        return note(f"since the start: {', '.join(earlier)} ({bits:#x})", mend)
    return ok("none since the start")


def _throttled_bits(world: World) -> int | None:
    text = world.text(_THROTTLED)
    if text is None:
        answer = world.run("vcgencmd", "get_throttled")
        text = answer.text.partition("=")[2] if answer.code == 0 else ""
    try:
        return int(text, 16)
    except ValueError:
        return None


def _clock(case: Case) -> Finding:
    now = datetime.now(UTC)
    says = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    mend = (
        "sudo timedatectl set-ntp true; timedatectl timesync-status tells how it goes"
    )
    if now.year < _FIRST_YEAR:
        return wrong(f"{says}: never set; no certificate is valid then", mend)
    answer = case.world.run("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if answer.code == 0 and answer.text in ("yes", "no"):
        synchronized = answer.text == "yes"
    elif case.world.path("/run/systemd/timesync/synchronized").exists():
        synchronized = True
    else:
        return note(f"{says}; nobody here tells whether it is synchronised")
    if synchronized:
        return ok(f"{says}, synchronised")
    return wrong(f"{says}, not synchronised: events get wrong times", mend)


TEMPERATURE = Check("temperature", "the hottest sensor", _temperature)
THROTTLING = Check("throttling", "too little voltage, too much heat", _throttling)
CLOCK = Check("clock", "set, and synchronised", _clock)
