"""The networks of the trainer become int8 models that map on the Edge TPU."""

from pathlib import Path

import numpy as np
import pytest

from fer_contract.preprocess import InputSpec
from fer_converter.freezing import freeze
from fer_converter.interpreters import FloatTflite, probabilities
from fer_converter.quantize import Kind, to_tflite
from fer_converter.rules import DEVICE_RULES, EDGETPU_RULES, check
from fer_converter.sources import Asked, open_model
from fer_converter.tflite_file import parse_tflite
from fer_converter.verdicts import Outcome
from fer_trainer.presets import PRESETS
from fer_trainer.presets.cost import cost_of

LABELS = ("happy", "neutral", "sad", "surprise")


MADE_OF = {"resnet101": ("resnet50", "base"), "vgg16-finetuned": ("vgg16-frozen",)}
"""Large networks, and those that have all their parts: to convert them adds nothing."""


def parts(name: str) -> set[str]:
    """Return the kinds of layers that a preset has, however wide."""
    network = PRESETS[name].build(InputSpec(), len(LABELS))
    kinds = set()
    for layer in network.layers:
        settings = layer.get_config()
        for own in ("name", "filters", "units", "rate", "trainable"):
            settings.pop(own, None)
        kinds.add(f"{type(layer).__name__} {settings}")
    return kinds


@pytest.mark.parametrize("name", MADE_OF)
def test_a_network_made_of_the_parts_of_others(name: str) -> None:
    """It converts as those do."""
    assert parts(name) <= set[str]().union(*map(parts, MADE_OF[name]))


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in MADE_OF])
def test_every_preset_converts(name: str, tmp_path: Path) -> None:
    """To the same float network, to whole numbers, and as `fer-train presets` says."""
    network = PRESETS[name].build(InputSpec(), len(LABELS))
    path = tmp_path / "model.keras"
    network.save(path)
    source = open_model(path, Asked(labels=LABELS))
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), dtype=np.uint8)
    frozen = freeze(source)
    plain = FloatTflite(to_tflite(frozen, Kind.FLOAT32))
    difference = probabilities(plain, faces) - source.probabilities(faces)
    assert np.abs(difference).max() < 1e-5

    content = to_tflite(frozen, Kind.INT8, faces)
    model = parse_tflite(content, Path("model_int8.tflite"))
    rules = check(model, (*DEVICE_RULES, *EDGETPU_RULES))
    others = {r.gate: r.outcome for r in rules if r.outcome is not Outcome.PASSED}
    streams = cost_of(network).edge_tpu == "ready, streams"
    assert others == ({"parameters in the cache": Outcome.SLOWER} if streams else {})
