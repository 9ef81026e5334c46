"""``fer-convert`` as a user meets it: bundle or refusal, and what it leaves."""

import json
import shutil
from pathlib import Path

import pytest

from fer_contract.golden import Golden
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.tflite import TfliteClassifier
from processes import run_command


def convert(
    run: Path, out: Path, data: Path, *more: str
) -> tuple[int, list[str], list[str]]:
    """Run it; return exit code and the lines of both outputs."""
    done = run_command("fer-convert", "--int8", run, "-o", out, "--data", data, *more)
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
    golden.check(manifest.input, model.quantized, model.runtime, "golden.npz")
    assert len({bytes(output) for output in golden.outputs}) > 1


def test_the_reports_agree(bundle: Path) -> None:
    """The page shows the figures of the JSON and needs nothing from outside."""
    facts = json.loads((bundle / "report.json").read_text())
    page = (bundle / "report.html").read_text()
    assert facts["passed"] is True
    for verdict in facts["verdicts"]:
        assert verdict["outcome"] == "passed"
        assert verdict["saw"].replace("+", "&#43;") in page.replace("+", "&#43;")
    assert facts["int8_sha256"] in page
    assert "http" not in page
    assert "<script" not in page


def test_a_second_conversion_gives_the_same_bundle(
    bundle: Path, run_directory: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """Every file to the last byte."""
    again = tmp_path / "again"
    code, _, errors = convert(run_directory, again, drawn_faces)
    assert (code, errors) == (0, [])
    for path in bundle.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


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


def test_the_studys_base_network(drawn_faces: Path, tmp_path: Path) -> None:
    """It converts like the preset that is made for the edge, and keeps its accuracy."""
    run, out = tmp_path / "run", tmp_path / "bundle"
    done = run_command(
        "fer-train", "run", "--data", drawn_faces, "--out", run,
        "--preset", "base", "--epochs", "6", "--batch-size", "32",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # After six epochs it is in doubt about many faces; the bounds are wider for that.
    code, _, errors = convert(
        run, out, drawn_faces, "--max-accuracy-drop", "3", "--min-agreement", "0.94"
    )
    assert (code, errors) == (0, [])
    parity = read_manifest(out, BundleManifest).parity
    assert parity["int8_accuracy"]["interval_95"][0] > 0.3  # a guess has 0.25
