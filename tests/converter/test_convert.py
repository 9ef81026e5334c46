"""``fer-convert`` as a user meets it: bundle or refusal, and what it leaves."""

import json
import os
import platform
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from markupsafe import escape

from converter_models import softmax_model
from fer_contract.dataset import FaceData
from fer_contract.golden import Golden
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.tflite import TfliteClassifier
from fer_converter.backend import start_tensorflow
from fer_converter.calibration import select
from fer_converter.edgetpu.compiler import MAPPED
from fer_converter.freezing import freeze
from fer_converter.quantize import Kind, to_tflite
from fer_converter.sources import Asked, open_model
from processes import run_command, run_forked


def convert(
    run: Path, out: Path, data: Path, *more: str
) -> tuple[int, list[str], list[str]]:
    """Run it; return exit code and the lines of both outputs."""
    done = run_forked("fer-convert", "--int8", run, "-o", out, "--data", data, *more)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_a_bundle_holds_what_the_device_reads(bundle: Path) -> None:
    """Model, golden vectors and reports, all confirmed by the manifest."""
    manifest = read_manifest(bundle, BundleManifest)
    names = {"golden.npz", "model_int8.tflite", "report.html", "report.json"}
    assert set(manifest.files) == names
    assert {path.name for path in bundle.iterdir()} == names | {"manifest.json"}
    assert manifest.labels == ("happy", "neutral", "sad", "surprise")
    assert manifest.name.startswith("compact-")
    assert manifest.calibration["count"] == 200
    assert manifest.parity["faces"] == 1400
    assert manifest.training["preset"] == "compact"


def test_golden_vectors_hold_for_the_bundled_model(bundle: Path) -> None:
    """Pixels and outputs, exactly, in the runtime that made them."""
    manifest = read_manifest(bundle, BundleManifest)
    model = TfliteClassifier(bundle / manifest.MODEL)
    golden = Golden.load(bundle / manifest.GOLDEN)
    assert golden.runtime == model.runtime
    assert golden.machine == platform.machine()
    golden.check(manifest.input, model.quantized, model.runtime, "golden.npz")
    assert len({bytes(output) for output in golden.outputs}) > 1


def test_the_reports_agree(bundle: Path) -> None:
    """The page shows the figures of the JSON and needs nothing from outside."""
    facts = json.loads((bundle / "report.json").read_text())
    page = (bundle / "report.html").read_text()
    assert facts["passed"] is True
    for verdict in facts["verdicts"]:
        assert verdict["outcome"] == "passed"
        for text in (verdict["saw"], verdict["meaning"]):
            assert str(escape(text)) in page
    assert facts["int8_sha256"] in page
    assert page.count("<svg") == 5
    assert page.count("data:image/png") == min(96, len(facts["flips"]))
    assert "http" not in page
    assert "<script" not in page


def test_a_report_that_may_be_published(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """--no-pictures: the same figures, the changed faces by name, no pixel of them."""
    out = tmp_path / "bundle"
    # Compensated, no answer changes on drawn faces.
    more = ("--rounding", "nearest", "--no-pictures", "--no-timing")
    code, _, errors = convert(run_directory, out, drawn_faces, *more)
    assert (code, errors) == (0, [])
    page = (out / "report.html").read_text()
    assert "<img" not in page
    assert "data:image" not in page
    flips = json.loads((out / "report.json").read_text())["flips"]
    assert flips
    assert all(f"<code>{flip['file']}</code>" in page for flip in flips)


def test_what_a_report_tells(bundle: Path) -> None:
    """Every part of the issue that a program may want to read."""
    facts = json.loads((bundle / "report.json").read_text())
    manifest = facts["manifest"]
    assert [part["kind"] for part in facts["kinds"]] == ["float32", "int8"]
    assert facts["kinds"][0]["largest_difference"] <= 1e-5
    assert facts["certainty"]["temperature"] == manifest["temperature"] != 1.0
    assert facts["certainty"]["coverage"][0]["coverage"] == 1.0
    assert len(facts["layers"]) > 15
    assert facts["guilty_layer"] in facts["layers"]
    assert facts["latency"]["rounds"] > 10
    assert facts["multiplications"] == pytest.approx(24.3e6, rel=0.01)
    assert facts["edgetpu"]["predicted"] is True
    assert {row["maps"] for row in facts["edgetpu"]["table"]} == {True}
    proof = manifest["calibration"]["proof"]
    assert proof["differ_from_uncalibrated"] > proof["activation_ranges"] / 2
    assert len(manifest["calibration"]["files"]) == 200
    rounding = manifest["calibration"]["rounding"]
    assert rounding == {"method": "compensated", "layers": 13, "of": 13}
    assert 0 <= manifest["parity"]["mcnemar"]["p"] <= 1
    assert set(manifest["parity"]["calibration_error"]) == {
        "float", "int8", "int8_tempered",
    }  # fmt: skip


def test_a_second_conversion_gives_the_same_model(
    bundle: Path, run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """To the last byte; the reports differ in the time that was measured alone."""
    again = tmp_path / "again"
    code, lines, errors = convert(run_directory, again, drawn_faces)
    assert (code, errors) == (0, [])
    for name in ("model_int8.tflite", "golden.npz"):
        assert (bundle / name).read_bytes() == (again / name).read_bytes(), name
    first, second = (
        json.loads((place / "report.json").read_text()) for place in (bundle, again)
    )
    assert first.pop("latency") != second.pop("latency")
    assert first == second
    assert lines[-1] == f"bundle: {again}, with report.html"
    # What it says when it is done, after a line for each of its four steps.
    assert len(lines[4:]) == 10


def test_weights_as_tflite_rounds_them(
    bundle: Path, run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """--rounding nearest: its very file, to compare with; the report says which."""
    out = tmp_path / "bundle"
    more = ("--rounding", "nearest", "--no-timing")
    code, _, errors = convert(run_directory, out, drawn_faces, *more)
    assert (code, errors) == (0, [])
    trained = open_model(run_directory, Asked())
    faces = select(FaceData(drawn_faces).load("validation"), 200, 0).calibration.faces
    plain = to_tflite(freeze(trained), Kind.INT8, faces)
    assert (out / "model_int8.tflite").read_bytes() == plain
    manifest = read_manifest(out, BundleManifest)
    assert manifest.calibration["rounding"] == {"method": "nearest"}
    page = (out / "report.html").read_text()
    flips = json.loads((out / "report.json").read_text())["flips"]
    assert 0 < len(flips) == page.count("data:image/png") <= 96
    row = "<td>rounding of weights</td><td>"
    assert f"{row}nearest</td>" in page
    assert (
        f"{row}compensated, in 13 of 13 layers" in (bundle / "report.html").read_text()
    )


def test_a_bound_that_cannot_be_met(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 1; one line with figure and bound; no bundle, but the report says why."""
    out = tmp_path / "bundle"
    code, lines, errors = convert(
        run_directory, out, drawn_faces, "--min-agreement", "1"
    )
    assert code == 1
    assert len(errors) == 1
    assert errors[0].startswith(f"fer-convert: {run_directory}: refused, agreement ")
    assert "at least 100.00% wanted" in errors[0]
    assert not out.exists()
    refused = tmp_path / "bundle.refused"
    assert {path.name for path in refused.iterdir()} == {"report.html", "report.json"}
    assert json.loads((refused / "report.json").read_text())["passed"] is False
    assert f"report: {refused / 'report.html'}" in lines


def test_an_existing_bundle_is_refused_before_any_work(
    bundle: Path, run_directory: Path, drawn_faces: Path
) -> None:
    """Exit 2; it is what it was."""
    before = (bundle / "manifest.json").read_bytes()
    code, lines, errors = convert(run_directory, bundle, drawn_faces)
    assert (code, lines) == (2, [])
    assert errors == [
        f"fer-convert: {bundle}: already there; --force replaces a bundle"
    ]
    assert (bundle / "manifest.json").read_bytes() == before


def test_a_run_with_one_flipped_byte(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 1 and the file is named."""
    run = shutil.copytree(run_directory, tmp_path / "run")
    content = bytearray((run / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "model.keras").write_bytes(content)
    code, _, errors = convert(run, tmp_path / "bundle", drawn_faces)
    assert code == 1
    assert len(errors) == 1
    assert f"{run / 'model.keras'}: SHA-256 is" in errors[0]
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


@pytest.mark.parametrize("missing", ["run", "data"])
def test_something_that_is_not_there(
    run_directory: Path, drawn_faces: Path, tmp_path: Path, missing: str
) -> None:
    """Exit 2 and one line that names it."""
    absent = tmp_path / "absent"
    run, data = (absent, drawn_faces) if missing == "run" else (run_directory, absent)
    code, _, errors = convert(run, tmp_path / "bundle", data)
    assert code == 2
    assert len(errors) == 1
    assert str(absent) in errors[0]


def test_validation_faces_of_other_labels(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 2; the class that the model lacks is named."""
    data = shutil.copytree(drawn_faces, tmp_path / "faces")
    for split in ("train", "validation", "test"):
        (data / split / "sad").rename(data / split / "angry")
    code, _, errors = convert(run_directory, tmp_path / "bundle", data)
    assert code == 2
    assert len(errors) == 1
    assert "no image in train/sad" in errors[0]


def test_without_saying_what_to_make(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 2, and --int8 is named."""
    done = run_command(
        "fer-convert", run_directory, "-o", tmp_path / "b", "--data", drawn_faces
    )
    assert done.returncode == 2
    assert "say what to make: --int8" in done.stderr


def test_a_name_that_no_event_could_carry(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 2 before any work."""
    code, lines, errors = convert(
        run_directory, tmp_path / "bundle", drawn_faces, "--name", "a b/c"
    )
    assert (code, lines) == (2, [])
    assert errors == [
        "fer-convert: --name: 'a b/c'; allowed are 1 to 64 letters, digits, _ . and -"
    ]


def test_a_full_disk(run_directory: Path, drawn_faces: Path, full_disk: Path) -> None:
    """Exit 2, the place is named, and nothing half-written is left."""
    out = full_disk / "bundle"
    code, _, errors = convert(run_directory, out, drawn_faces)
    assert code == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"fer-convert: {full_disk}")
    assert errors[0].endswith("No space left on device")
    assert list(full_disk.iterdir()) == []


def test_too_few_faces_to_decide(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 1, and the line says that more faces would help."""
    data = tmp_path / "faces"
    for split in ("train", "validation", "test"):
        for label in ("happy", "neutral", "sad", "surprise"):
            place = data / split / label
            place.mkdir(parents=True)
            for face in sorted((drawn_faces / split / label).iterdir())[:12]:
                shutil.copy(face, place)
    code, lines, errors = convert(run_directory, tmp_path / "bundle", data)
    assert code == 1
    assert len(errors) == 1
    assert "too few faces to decide" in errors[0]
    assert any(line.startswith("undecided agreement: ") for line in lines)


def test_calibration_on_black_faces(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 1: what it costs is seen on the other faces."""
    data = shutil.copytree(drawn_faces, tmp_path / "faces")
    chosen = select(FaceData(data).load("validation"), 200, seed=0).calibration
    for name in chosen.names:
        assert cv2.imwrite(str(data / name), np.zeros((48, 48), np.uint8))
    code, _, errors = convert(run_directory, tmp_path / "bundle", data)
    assert code == 1
    assert len(errors) == 1
    assert "refused, accuracy drop +" in errors[0]
    report = json.loads((tmp_path / "bundle.refused" / "report.json").read_text())
    assert report["kinds"][0]["accuracy"]["value"] > 0.9
    assert report["kinds"][1]["accuracy"]["value"] < 0.9


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's own untrained network for the drawn faces' four classes."""
    keras, _ = start_tensorflow()
    keras.utils.set_random_seed(1)
    inputs = keras.Input((48, 48, 3))
    x = keras.layers.Conv2D(8, 3, activation="hard_swish")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    path = tmp_path_factory.mktemp("own") / "own.keras"
    softmax_model(inputs, x, classes=4).save(path)
    return path


OWN = (
    "--labels", "happy,neutral,sad,surprise", "--pixels", "-1..1", "--no-timing",
    "--max-accuracy-drop", "50", "--min-agreement", "0.1",
)  # fmt: skip


def test_a_network_of_ones_own(
    own_model: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """All kinds in one table; without timing the same bundle byte for byte."""
    kinds = ("--float32", "--float16", "--dynamic")
    places = tmp_path / "first", tmp_path / "second"
    for place in places:
        code, lines, errors = convert(own_model, place, drawn_faces, *OWN, *kinds)
        assert (code, errors) == (0, [])
    assert any("float is no better than always naming" in line for line in lines)
    names = {path.name for path in places[0].iterdir()}
    assert names == {
        "golden.npz", "manifest.json", "model_dynamic.tflite", "model_float16.tflite",
        "model_float32.tflite", "model_int8.tflite", "report.html", "report.json",
    }  # fmt: skip
    for name in names:
        first, second = ((place / name).read_bytes() for place in places)
        assert first == second, name
    manifest = read_manifest(places[0], BundleManifest)
    assert manifest.name.startswith("own-")
    assert (manifest.training["channels"], manifest.training["pixels"]) == (3, "-1..1")


def test_a_network_that_the_edge_tpu_does_not_run(
    own_model: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Without a compiler the rules decide: exit 1 with the operator at fault."""
    code, lines, errors = convert(
        own_model, tmp_path / "bundle", drawn_faces, *OWN, "--edgetpu"
    )
    assert code == 1
    assert len(errors) == 1
    assert "refused, every operator maps" in errors[0]
    assert "because of HARD_SWISH" in errors[0]
    assert any("coral.ai" in line for line in lines)
    # Of a bundle that is not there.
    assert not any("edgetpu_compiler -s" in line for line in lines)


def test_a_model_for_the_edge_tpu_and_no_compiler(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """The rules let it through; where to compile it is said, and the very command."""
    bundle = tmp_path / "bundle"
    code, lines, _ = convert(run_directory, bundle, drawn_faces, "--edgetpu")
    assert code == 0
    command = f"edgetpu_compiler -s -t 180 -o {bundle} {bundle / 'model_int8.tflite'}"
    assert any("coral.ai" in line for line in lines)
    assert f"Edge TPU  by hand: {command}" in lines
    assert command in (bundle / "report.html").read_text()
    assert "passed    every operator maps" in "\n".join(lines).replace(
        ", ", "\npassed    "
    )


def test_the_compilers_word_against_the_prediction(
    own_model: Path,
    drawn_faces: Path,
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a compiler on PATH it decides; where it disagrees, both are told."""
    script = tmp_path / "edgetpu_compiler"
    program = repository / "tests" / "stand_in_compiler.py"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    script.chmod(0o755)
    compiled = tmp_path / "compiled"
    compiled.write_bytes(b"....edgetpu-custom-op....")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("COMPILED", str(compiled))
    monkeypatch.setenv("ROWS", f"CONV_2D|1|{MAPPED}\nHARD_SWISH|1|{MAPPED}")
    monkeypatch.setenv("PLAY", "success")
    out = tmp_path / "bundle"
    code, lines, errors = convert(own_model, out, drawn_faces, *OWN, "--edgetpu")
    assert (code, errors) == (0, [])
    assert any(
        "disagree: HARD_SWISH: predicted 0 of 1 mapped, compiler mapped 1 of 1" in line
        for line in lines
    )
    manifest = read_manifest(out, BundleManifest)
    assert manifest.EDGETPU in manifest.files
    monkeypatch.setenv("PLAY", "fail:Internal compiler error. Aborting! ")
    code, _, errors = convert(own_model, out, drawn_faces, *OWN, "--edgetpu", "--force")
    assert code == 1
    assert "Edge TPU compiler exit 1: Internal compiler error. Aborting!" in errors[0]
    assert read_manifest(out, BundleManifest) == manifest  # the old one stays


def test_labels_in_another_order(
    run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Exit 2, and the order in which they fit."""
    code, _, errors = convert(
        run_directory / "model.keras", tmp_path / "bundle", drawn_faces,
        "--labels", "sad,neutral,happy,surprise",
    )  # fmt: skip
    assert code == 2
    assert len(errors) == 1
    assert "many more as happy, neutral, sad, surprise: the labels are" in errors[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--labels", "a,a"], "--labels"),
        (["--labels", "happy,,sad"], "--labels"),
        (["--pixels", "0..2"], "--pixels"),
        (["--threshold", "2"], "--threshold"),
        (["--compiler-seconds", "0"], "--compiler-seconds"),
    ],
)
def test_options_that_will_not_do(
    own_model: Path,
    drawn_faces: Path,
    tmp_path: Path,
    arguments: list[str],
    complaint: str,
) -> None:
    """Exit 2 before any work, and the option is named."""
    code, lines, errors = convert(own_model, tmp_path / "b", drawn_faces, *arguments)
    assert (code, lines) == (2, [])
    assert complaint in errors[-1]


def test_as_json(own_model: Path, drawn_faces: Path, tmp_path: Path) -> None:
    """Standard output is the report, and nothing else."""
    done = run_forked(
        "fer-convert", "--int8", own_model, "-o", tmp_path / "bundle",
        "--data", drawn_faces, *OWN, "--json", "--threshold", "0.25",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert report["manifest"]["threshold"] == 0.25
    assert report == json.loads((tmp_path / "bundle" / "report.json").read_text())
