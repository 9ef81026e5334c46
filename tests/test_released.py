"""The model that comes with the package keeps what its card promises."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emulated_pi import PI_4, PI_5, EmulatedPi, Finished, missing
from fer_contract.dataset import FaceData, FaceSet
from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.models import RELEASED
from fer_trainer.evaluation import measure, open_model
from fer_trainer.presets import find_preset
from fer_trainer.presets.stored import RELEASED as RELEASED_WEIGHTS
from fer_trainer.votes import Votes, read_votes

KILOBYTES = 500
MILLION_INSTRUCTIONS = 8.5


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    """The figures of its card."""
    facts: dict[str, Any] = json.loads((RELEASED / "card.json").read_text())
    return facts


@pytest.fixture(scope="module")
def faces(shared: Path) -> FaceSet:
    """The real validation faces."""
    return FaceData(shared / "data" / "Facial_emotion_images.zip").load("validation")


@pytest.fixture(scope="module")
def votes(shared: Path) -> Votes:
    """The votes on them."""
    return read_votes(shared / "data" / "ferplus_votes.csv")


def test_it_passes_its_self_test() -> None:
    """Digests, pixels and golden outputs, in the runtime that is installed here."""
    classifier = CpuClassifier(RELEASED)
    face = np.full((48, 48, 1), 128, dtype=np.uint8)
    scores = classifier.scores(face)
    assert set(scores) == {"happy", "neutral", "sad", "surprise"}
    assert sum(scores.values()) == pytest.approx(1)


def test_it_is_small_and_runs_on_the_edge_tpu(card: dict[str, Any]) -> None:
    """At most 500 KB; every operator is predicted to map, in one region."""
    assert (RELEASED / BundleManifest.MODEL).stat().st_size <= 1000 * KILOBYTES
    report = json.loads((RELEASED / "report.json").read_text())
    assert report["passed"]
    assert {row["maps"] for row in report["edgetpu"]["table"]} == {True}
    rules = {rule["gate"]: rule["outcome"] for rule in report["edgetpu"]["rules"]}
    assert set(rules.values()) == {"passed"}
    assert card["agreement"]["value"] >= 0.985


def test_it_is_as_good_as_was_wanted(card: dict[str, Any]) -> None:
    """On the validation faces, by which it was chosen; measured again below."""
    figures, votes = card["validation"], card["validation"]["votes"]
    assert figures["accuracy"] >= 0.785
    assert votes["accuracy"] >= 0.86
    assert min(part["recall"] for part in votes["classes"].values()) >= 0.70
    assert figures["calibration_error"] <= 0.05


def test_its_card_is_about_it(card: dict[str, Any]) -> None:
    """Digest and name; the card's table has the figures of its JSON."""
    manifest = read_manifest(RELEASED, BundleManifest)
    assert card["model_sha256"] == manifest.files[BundleManifest.MODEL]
    text = (RELEASED / "MODEL_CARD.md").read_text()
    assert text.startswith(f"# {manifest.name}\n")
    for figures in (card["validation"], card["validation"]["votes"]):
        low, high = figures["accuracy_95"]
        assert f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})" in text


def test_no_face_of_the_data_is_in_it() -> None:
    """FER2013 may not be passed on: reports name faces and do not show them."""
    page = (RELEASED / "report.html").read_text()
    assert "<img" not in page
    assert "data:image" not in page
    assert {path.name for path in RELEASED.iterdir()} == {
        "MODEL_CARD.md", "card.json", "golden.npz", "manifest.json",
        "model_int8.tflite", "report.html", "report.json", "robustness.png",
    }  # fmt: skip


def test_no_path_of_the_machine_that_made_it_is_in_it() -> None:
    """Sources are named by file name alone."""
    for name in ("manifest.json", "report.json", "card.json", "MODEL_CARD.md"):
        text = (RELEASED / name).read_text()
        assert not re.search(r"(?<![\w.])/(?:home|root|tmp|mnt|var|opt)/", text), name


def test_its_figures_are_those_of_its_card(
    card: dict[str, Any], faces: FaceSet, votes: Votes
) -> None:
    """Measured again, a face at a time: the same to the last digit."""
    model = open_model(RELEASED)
    again = measure(model.answer(faces.faces), faces, votes).facts()
    assert again == card["validation"]


def test_the_weights_to_train_further_from_are_its_own(faces: FaceSet) -> None:
    """The float network of ``--weights released`` names what the int8 one names."""
    preset = find_preset("slim")
    network = preset.build(faces_input(), 4)
    assert preset.load_pretrained is not None
    preset.load_pretrained(network, RELEASED_WEIGHTS, faces.faces)
    few = faces.faces[::5]
    named = network.predict(few, verbose=0).argmax(axis=1)
    as_released = open_model(RELEASED).answer(few).argmax(axis=1)
    assert float((named == as_released).mean()) > 0.97


def faces_input() -> Any:
    """Return what the released model takes."""
    return read_manifest(RELEASED, BundleManifest).input


@pytest.fixture(scope="module")
def on_a_pi(made_once: Any, repository: Path) -> dict[str, Finished]:
    """The self-test and one face on a Pi 4's and a Pi 5's processor."""
    if lack := missing():
        pytest.skip(lack)
    root = made_once("pi-bookworm", lambda out: EmulatedPi(out).set_up())
    made_once("pi-bookworm-wheels", lambda _: EmulatedPi(root).add_wheels())
    script = repository / "benchmarks" / "on_the_pi.py"
    return {
        processor: EmulatedPi(root).run(script, RELEASED, processor=processor)
        for processor in (PI_4, PI_5)
    }


def test_it_runs_on_a_raspberry_pi(on_a_pi: dict[str, Finished]) -> None:
    """Pixels and golden outputs hold on aarch64 with the wheels that a Pi installs."""
    for done in on_a_pi.values():
        assert (done.code, done.complaints) == (0, "")
        assert done.output.endswith("self-test passed\n")


def test_a_face_costs_a_raspberry_pi_little(on_a_pi: dict[str, Finished]) -> None:
    """Exact aarch64 instructions: at most 8.5 million on a Pi 4, fewer on a Pi 5."""
    pi4, pi5 = (done.counts[2] / 1e6 for done in on_a_pi.values())
    assert 1 < pi4 <= MILLION_INSTRUCTIONS
    assert pi5 < pi4 / 2
