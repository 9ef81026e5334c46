"""The networks that can be trained, by name. A preset is one value and one line here.

Every preset takes grey pixels 0-255 and brings them into its own range inside its
graph, so that no one outside can get the normalisation wrong.
"""

from fer_contract.errors import FerError
from fer_trainer.presets import (
    base,
    batchnorm,
    compact,
    complex_,
    efficientnet,
    final,
    mobilenet_faces,
    resnet,
    slim,
    teacher,
    vgg16,
)
from fer_trainer.presets.preset import Preset

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        compact.PRESET,
        base.PRESET,
        batchnorm.PRESET,
        complex_.PRESET,
        final.PRESET,
        teacher.PRESET,
        mobilenet_faces.PRESET,
        slim.PRESET,
        vgg16.FROZEN,
        vgg16.FINETUNED,
        resnet.RESNET101,
        resnet.RESNET50,
        resnet.RESNET50V2,
        efficientnet.V2B2,
        efficientnet.B0_BLOCK6A,
        efficientnet.B0,
    )
}


def find_preset(name: str) -> Preset:
    """Return a preset.

    Raises:
        FerError: none of that name.
    """
    if name not in PRESETS:
        raise FerError(f"--preset: {name!r}; allowed are {', '.join(PRESETS)}")
    return PRESETS[name]
