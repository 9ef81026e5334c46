"""What the board tells of itself: its temperatures, and whether it is slowed down."""

from dataclasses import dataclass
from pathlib import Path

_SYSTEM = Path("/sys")

# The bits of `vcgencmd get_throttled`, which the Raspberry Pi's kernel shows as a file.
_NOW = {0: "under_voltage", 1: "frequency_capped", 2: "throttled", 3: "soft_limit"}
_PAST_SHIFT = 16
"""From a bit of now to that of ever since the start."""


@dataclass(frozen=True, slots=True)
class Throttling:
    """Why a Raspberry Pi is slower than it could be."""

    now: frozenset[str]
    since_start: frozenset[str]
    """Of the board."""


REASONS = tuple(_NOW.values())


def read_temperatures(system: Path = _SYSTEM) -> dict[str, float]:
    """Return degrees Celsius a thermal zone, by its kind; empty where there is none."""
    found = {}
    for zone in sorted(system.glob("class/thermal/thermal_zone*")):
        try:
            kind = (zone / "type").read_text().strip()
            found[kind] = int((zone / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue  # a sensor that is asleep answers with an error
    return found


def read_throttling(system: Path = _SYSTEM) -> Throttling | None:
    """Return why the board is slowed down; None where it does not tell."""
    # soc/soc:firmware up to the Pi 4; the Pi 5 puts its bus address behind "soc".
    for path in system.glob("devices/platform/soc*/soc*firmware/get_throttled"):
        try:
            bits = int(path.read_text(), 16)
        except (OSError, ValueError):
            continue
        return Throttling(_reasons(bits), _reasons(bits >> _PAST_SHIFT))
    return None


def _reasons(bits: int) -> frozenset[str]:
    return frozenset(reason for bit, reason in _NOW.items() if bits >> bit & 1)
