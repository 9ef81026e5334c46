"""Int8 against float, on the same faces: the compact network and the study's.

The study's networks, on real faces when the shared material is there and on drawn ones
when not, are trained without drop-out, with a half or a quarter of their filters and
units, the two large ones on smaller faces: so they learn in seconds, and it is their
operators that conversion can break (of every width in test_presets_convert.py). A
network of seconds is often in doubt and flips more, so its bounds are wider than the
default ones, which one trained in full keeps (docs/converting.md).
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fer_contract.dataset import FaceData
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import InputSpec
from fer_edge.models import RELEASED
from fer_trainer.presets import find_preset
from processes import run_forked

GATES = ("--max-accuracy-drop", "3", "--min-agreement", "0.85")
JUDGES = 2237
"""Validation faces, but for the 200 that calibrate and 5 copies of those."""
BATCH = 32


@dataclass(frozen=True, slots=True)
class Study:
    """One of the study's networks, and how little it takes to have it learn."""

    network: str
    side: int
    """Of the faces, pixels."""
    divisor: int
    """Of the filters of its convolutions and the units of its dense layers."""
    drawn_epochs: int
    real_epochs: int

    def __str__(self) -> str:
        return self.network


STUDY = [
    Study("base", 48, 2, drawn_epochs=6, real_epochs=3),
    Study("batchnorm", 24, 4, drawn_epochs=4, real_epochs=3),
    Study("complex", 32, 4, drawn_epochs=4, real_epochs=3),
]


def train(data: Path, study: Study, epochs: int, path: Path) -> None:
    """Leave one of the study's networks, trained without drop-out, as ``.keras``."""
    import keras

    spec = InputSpec(study.side, study.side)
    faces = FaceData(data, spec=spec).load("train")
    keras.utils.set_random_seed(0)
    whole = find_preset(study.network).build(spec, len(faces.labels))
    model = keras.models.clone_model(whole, clone_function=partial(quick, study))
    rate = keras.optimizers.schedules.CosineDecay(
        2e-3, len(faces.classes) * epochs // BATCH
    )
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(faces.faces, faces.classes, batch_size=BATCH, epochs=epochs, verbose=0)
    model.save(path)


def quick(study: Study, layer: Any) -> Any:
    """Return a layer like it that learns quickly; the last names the classes."""
    settings = layer.get_config()
    for width in {"filters", "units"} & settings.keys():
        if settings.get("activation") != "softmax":
            settings[width] //= study.divisor
    if "momentum" in settings:
        settings["momentum"] = 0.9
    if "rate" in settings:
        settings["rate"] = 0.0
    return type(layer).from_config(settings)


def convert(model: Path, data: Path, bundle: Path) -> dict[str, Any]:
    """Return what the report of the new bundle says."""
    labels = ",".join(FaceData(data).labels)
    done = run_forked(
        "fer-convert", "--int8", model, "-o", bundle, "--data", data,
        "--labels", labels, "--pixels", "0..255", "--no-timing", *GATES,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return report_of(bundle)


def report_of(bundle: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((bundle / "report.json").read_text())
    return report


def check(report: dict[str, Any], faces: int, best_guess: float) -> None:
    """Float beats guessing; int8 keeps what float knows; each step of the chain."""
    parity = report["manifest"]["parity"]
    assert parity["faces"] == faces
    assert parity["float_accuracy"]["interval_95"][0] > best_guess
    assert parity["accuracy_drop_points"]["interval_95"][1] <= 3
    assert parity["agreement"]["interval_95"][0] >= 0.85
    assert parity["float32_difference"] <= 1e-5
    for label, part in parity["classes"].items():
        assert abs(part["float_recall"] - part["int8_recall"]) < 0.08, label
    errors = parity["calibration_error"]
    assert errors["int8_tempered"] < max(0.08, errors["int8"] + 0.01)
    # None of the networks has an operator that the Edge TPU would leave to the CPU.
    assert report["edgetpu"]["predicted"] is True
    assert min(layer["snr_db"] for layer in report["layers"]) > 5


def check_default_gates(report: dict[str, Any]) -> None:
    gates = report["manifest"]["parity"]["gates"]
    assert gates == {"max_accuracy_drop": 1.0, "min_agreement": 0.97}


def test_the_compact_network_trained_in_full_on_drawn_faces(bundle: Path) -> None:
    """Through the trainer, drop-out and augmentation and all."""
    report = report_of(bundle)
    check(report, faces=1400, best_guess=0.9)
    check_default_gates(report)


def test_the_released_network_trained_further_on_real_faces(real_bundle: Path) -> None:
    """Through the trainer, too: it is another network now, and still knows them."""
    report = report_of(real_bundle)
    check(report, faces=JUDGES, best_guess=0.72)
    check_default_gates(report)
    model, released = (
        read_manifest(folder, BundleManifest).files[BundleManifest.MODEL]
        for folder in (real_bundle, RELEASED)
    )
    assert model != released


@pytest.mark.parametrize("study", STUDY, ids=str)
def test_the_studys_networks(
    faces_at_hand: tuple[Path, bool], tmp_path: Path, study: Study
) -> None:
    """Those with batch norm after a ReLU too, which plain quantization ruins."""
    data, real = faces_at_hand
    model = tmp_path / "model.keras"
    train(data, study, study.real_epochs if real else study.drawn_epochs, model)
    report = convert(model, data, tmp_path / "bundle")
    if real:
        check(report, faces=JUDGES, best_guess=0.36)  # always happy: 0.353
    else:
        check(report, faces=1400, best_guess=0.6)
