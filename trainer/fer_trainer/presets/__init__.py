"""The networks that can be trained, by name. A preset is one module and one line here.

Every preset takes grey pixels 0-255 and brings them into its own range inside its
graph, so that no one outside can get the normalisation wrong.
"""

from fer_contract.errors import FerError
from fer_trainer.presets import base, compact
from fer_trainer.presets.preset import Preset

PRESETS: dict[str, Preset] = {
    preset.name: preset for preset in (compact.PRESET, base.PRESET)
}


def find_preset(name: str) -> Preset:
    """Return a preset.

    Raises:
        FerError: none of that name.
    """
    if name not in PRESETS:
        raise FerError(f"--preset: {name!r}; allowed are {', '.join(PRESETS)}")
    return PRESETS[name]
