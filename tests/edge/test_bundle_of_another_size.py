"""The device with a model of other pixels and other labels than the released one."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from converter_models import softmax_model
from fer_contract.golden import make_golden
from fer_contract.manifest import BundleManifest, write_manifest
from fer_contract.preprocess import InputSpec
from fer_contract.tflite import TfliteClassifier
from fer_converter.backend import start_tensorflow
from fer_converter.freezing import freeze
from fer_converter.quantize import Kind, to_tflite
from fer_converter.sources import Asked, open_model

Run = Callable[..., subprocess.CompletedProcess[str]]

_LABELS = ("happy", "sad", "surprise", "neutral", "anger", "disgust", "fear")


@pytest.fixture(scope="session", params=[(64, 64), (96, 40)], ids=str)
def bundle_of_another_size(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An untrained network of seven emotions, converted."""
    height, width = request.param
    folder = tmp_path_factory.mktemp("other") / "bundle"
    folder.mkdir()
    keras, _ = start_tensorflow()
    keras.utils.set_random_seed(0)
    inputs = keras.Input((height, width, 1))
    features = keras.layers.Conv2D(4, 3, 4, activation="relu")(inputs)
    features = keras.layers.GlobalAveragePooling2D()(features)
    source = folder.with_name("own.keras")
    softmax_model(inputs, features, len(_LABELS)).save(source)
    trained = open_model(source, Asked(labels=_LABELS, margin=0.2))
    noise = np.random.default_rng(0).integers(0, 256, (16, height, width, 1), np.uint8)
    model_path = folder / BundleManifest.MODEL
    model_path.write_bytes(to_tflite(freeze(trained), Kind.INT8, noise))
    model, plain = (TfliteClassifier(model_path, plain=part) for part in (False, True))
    spec = InputSpec(height, width, 0.2)
    golden = make_golden(spec, model.quantized, plain.quantized, model.runtime)
    golden.save(folder / BundleManifest.GOLDEN)
    manifest = BundleManifest(name="other", labels=_LABELS, input=spec, threshold=0.0)
    write_manifest(folder, manifest, BundleManifest.REQUIRED)
    return folder


def test_bundle_of_another_size(
    run: Run,
    video: Path,
    bundle_of_another_size: Path,
    event_judge: Draft202012Validator,
) -> None:
    """The daemon cuts the faces as it wants them, and tells its labels."""
    finished = run("replay", video, "--bundle", bundle_of_another_size)
    assert finished.returncode == 0, finished.stderr
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {event["type"] for event in events} >= {"new", "end"}
    for event in events:
        event_judge.validate(event)
        assert event["model"] == "other"
        assert tuple(event["scores"]) == _LABELS
