"""Every network of the trainer becomes an int8 model that maps on the Edge TPU."""

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


@pytest.mark.parametrize("name", PRESETS)
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
