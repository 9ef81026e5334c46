"""``fer-train evaluate``: figures of what was saved, and of nothing else."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_contract.manifest import BundleManifest, RunManifest, read_manifest
from fer_trainer.evaluation import measure, predict
from fer_trainer.evaluation.report import write_evaluation
from fer_trainer.evaluation.robustness import DISTURBANCES
from fer_trainer.material import load_material
from fer_trainer.plan import Plan
from fer_trainer.training.train import train
from processes import run_command, run_forked

_ORDER = ("surprise", "sad", "happy", "neutral")
_FILES = {
    "confusion.png", "evaluation.html", "evaluation.json", "mistakes.png",
    "predictions.csv", "reliability.png",
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with a bright band, its height by label; 128 to test on, as the study had.

    A quarter of them show the band of another label: learned in seconds, and yet
    with mistakes.
    """
    folder = tmp_path_factory.mktemp("drawn") / "faces"
    generator = np.random.default_rng(5)
    for split, count in {"train": 64, "validation": 16, "test": 32}.items():
        for index, label in enumerate(_ORDER):
            place = folder / split / label
            place.mkdir(parents=True)
            for face in range(count):
                pixels = generator.integers(0, 120, (48, 48), dtype=np.uint8)
                shown = index if face % 4 else (index + 1) % 4
                pixels[12 * shown : 12 * shown + 12] += 120
                cv2.imwrite(str(place / f"{face:02}.png"), pixels)
    return folder


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: Path,
    planned: Callable[..., Plan],
) -> Path:
    """A run whose labels are not in the order of the alphabet."""
    out = tmp_path_factory.mktemp("evaluated") / "run"
    material = load_material(FaceData(drawn, _ORDER))
    train(material, out, planned(epochs=6), say=lambda _: None)
    return out


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """Votes on the test faces: sad ones are seen as neutral, others as labelled."""
    path = tmp_path_factory.mktemp("votes") / "votes.csv"
    seen = {"happy": "0,7,2", "sad": "6,1,1", "surprise": "1,0,0", "neutral": "8,1,0"}
    rest = {"happy": "1,0", "sad": "2,0", "surprise": "0,9", "neutral": "1,0"}
    lines = ["file,neutral,happiness,anger,sadness,surprise"]
    lines += [
        f"{name},{seen[label]},{rest[label]}"
        for name in FaceData(drawn).load("test").names
        for label in [name.split("/")[1]]
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, drawn: Path, voted: Path
) -> tuple[Path, str]:
    """Directory of a test evaluation with votes, and what was printed."""
    out = tmp_path_factory.mktemp("evaluation") / "report"
    done = run_command(
        "fer-train", "evaluate", trained, "--data", drawn, "--split", "test",
        "--votes", voted, "--out", out,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return out, done.stdout


def test_trap_network_rebuilt_and_never_reloaded(trained: Path, drawn: Path) -> None:
    """A fresh process finds the figures that the training has written, not ln 4."""
    beside = trained.with_name("run-validation")
    done = run_forked("fer-train", "evaluate", trained, "--data", drawn, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    written = json.loads((trained / "metrics.json").read_text())
    assert {key: printed[key] for key in written} == written
    # An untrained network has .25 and ln 4; three quarters can be learned.
    assert printed["accuracy"] > 0.6
    assert printed["log_loss"] < 1.2
    assert printed == json.loads((beside / "evaluation.json").read_text())
    read_manifest(trained, RunManifest)


def test_trap_labels_in_another_order(evaluated: tuple[Path, str], drawn: Path) -> None:
    """The order is the model's; every file is in the matrix, under its own folder."""
    out, _ = evaluated
    facts = json.loads((out / "evaluation.json").read_text())
    assert tuple(facts["labels"]) == _ORDER
    with (out / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = [path.relative_to(drawn).as_posix() for path in drawn.glob("test/*/*")]
    assert sorted(row["file"] for row in rows) == sorted(names)
    for row in rows:
        assert row["label"] == row["file"].split("/")[1]
        assert row["answer"] == max(_ORDER, key=lambda label: float(row[label]))
    counted = [
        [
            sum(row["label"] == label and row["answer"] == answer for row in rows)
            for answer in _ORDER
        ]
        for label in _ORDER
    ]
    assert facts["confusion"] == counted
    assert sum(map(sum, counted)) == facts["faces"] == 128
    # In alphabetical order, as the folders are, the same model would be lost.
    assert facts["accuracy"] > 0.6


def test_trap_few_test_faces(evaluated: tuple[Path, str]) -> None:
    """128 faces: the interval is written and printed, and a line says what it means."""
    out, printed = evaluated
    facts = json.loads((out / "evaluation.json").read_text())
    low, high = facts["accuracy_95"]
    assert 0.12 < high - low < 0.18
    assert f"(95 % interval {low:.1%} to {high:.1%}, 128 faces)" in printed
    doubt = f"{100 * (high - low) / 2:.0f}"
    assert f"128 faces leave {doubt} points of doubt either way" in printed


def test_table_of_classes(evaluated: tuple[Path, str]) -> None:
    """Precision, recall, F1 and support a class are printed as they are written."""
    out, printed = evaluated
    facts = json.loads((out / "evaluation.json").read_text())
    lines = [line.split() for line in printed.splitlines()]
    for label, part in facts["classes"].items():
        figures = [f"{part[key]:.3f}" for key in ("precision", "recall", "f1")]
        assert [label, *figures, "32"] in lines
    assert facts["recall"] == {k: v["recall"] for k, v in facts["classes"].items()}


def test_figures_against_votes(evaluated: tuple[Path, str]) -> None:
    """The truth is the majority: no face is sad, twice as many are neutral."""
    out, printed = evaluated
    facts = json.loads((out / "evaluation.json").read_text())
    votes, matrix = facts["votes"], np.array(facts["confusion"])
    assert {k: v["support"] for k, v in votes["classes"].items()} == {
        "surprise": 32, "sad": 0, "happy": 32, "neutral": 64,
    }  # fmt: skip
    matrix[3] += matrix[1]
    matrix[1] = 0
    assert votes["confusion"] == matrix.tolist()
    assert votes["labels_agree"] == 0.75
    assert votes["human"]["recall"]["sad"] is None
    assert f"the labels themselves {0.75:.1%}" in printed
    assert "one person against the majority of the others: " in printed


def test_page(evaluated: tuple[Path, str]) -> None:
    """All files are there; the page holds its pictures and needs no other file."""
    out, _ = evaluated
    assert {path.name for path in out.iterdir()} == _FILES
    page = (out / "evaluation.html").read_text()
    sources = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert len(sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "http" not in page
    for name in ("confusion.png", "reliability.png", "mistakes.png"):
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_bundle_answers_as_on_the_device(bundle: Path, drawn_faces: Path) -> None:
    """Int8, with the bundle's temperature: as its report says of nearly these faces."""
    done = run_forked("fer-train", "evaluate", bundle, "--data", drawn_faces, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["accuracy"] > 0.95
    errors = json.loads((bundle / "report.json").read_text())["certainty"][
        "calibration_error"
    ]
    assert facts["calibration_error"] == pytest.approx(
        errors["int8_tempered"], abs=0.003
    )


def test_a_bundle_on_changed_faces(
    bundle: Path, few_drawn_faces: Path, tmp_path: Path
) -> None:
    """Each disturbance has a curve that goes through the accuracy without it."""
    out = tmp_path / "report"
    done = run_forked(
        "fer-train", "evaluate", bundle, "--data", few_drawn_faces, "--robustness",
        "--out", out,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads((out / "evaluation.json").read_text())
    manifest = read_manifest(bundle, BundleManifest)
    assert facts["model"] == manifest.name
    assert facts["model_sha256"] == manifest.files[BundleManifest.MODEL]
    curves = facts["robustness"]
    assert list(curves) == [part.name for part in DISTURBANCES]
    for curve in curves.values():
        levels = {point["level"]: point["accuracy"] for point in curve["points"]}
        assert levels[curve["unchanged"]] == facts["accuracy"]
    # What hardly any model follows costs it something.
    coarse = curves["resolution"]["points"][0]
    assert (coarse["level"], coarse["accuracy"] < facts["accuracy"]) == (8, True)
    # So few faces are often all right, and then there is no sheet of mistakes.
    absent = {"mistakes.png"} if facts["accuracy"] == 1.0 else set()
    names = {path.name for path in out.iterdir()}
    assert names == (_FILES | {"robustness.png"}) - absent
    assert "Accuracy over brightness" in (out / "evaluation.html").read_text()


def test_no_mistake_at_all(tmp_path: Path, drawn: Path) -> None:
    """Then there is no sheet of them, and an older one is removed."""
    faces = FaceData(drawn).load("test")
    about = {
        "model": "base", "data": "<b>.zip", "model_sha256": "0", "data_sha256": "1",
    }  # fmt: skip
    right = np.eye(4)[faces.classes]
    write_evaluation(measure(np.roll(right, 1, axis=1), faces, None), about, tmp_path)
    assert (tmp_path / "mistakes.png").exists()
    write_evaluation(measure(right, faces, None), about, tmp_path)
    assert not (tmp_path / "mistakes.png").exists()
    page = (tmp_path / "evaluation.html").read_text()
    assert "every answer is right" in page
    # What a file is called is text, not markup.
    assert "&lt;b&gt;.zip" in page
    assert "<b>" not in page


def test_saved_model_that_learned_no_numbers(tmp_path: Path, drawn: Path) -> None:
    """Scores that are no probabilities are refused, not counted as the first label."""
    import keras

    from fer_contract.errors import ModelError

    model = keras.Sequential(
        [keras.layers.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    faces = FaceData(drawn).load("validation")
    for fill in (np.nan, 0.0):
        model.set_weights([np.full_like(part, fill) for part in model.get_weights()])
        model.save(tmp_path / "model.keras")
        with pytest.raises(ModelError, match=r"model\.keras: scores .* 1 is wanted"):
            predict(tmp_path / "model.keras", faces)


def test_model_of_other_faces(trained: Path, drawn: Path) -> None:
    """The sizes are in the error."""
    from fer_contract.errors import ModelError
    from fer_contract.preprocess import InputSpec

    faces = FaceData(drawn, spec=InputSpec(32, 32)).load("validation")
    with pytest.raises(ModelError, match=r"48, 48, 1.*32, 32, 1"):
        predict(trained / RunManifest.MODEL, faces)


def _refused(*arguments: str | Path) -> tuple[int, str]:
    """Return exit code and the one line that is printed."""
    done = run_forked("fer-train", "evaluate", *arguments)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("fer-train: ")
    return done.returncode, done.stderr.removeprefix("fer-train: ").strip()


def test_no_run(tmp_path: Path, drawn: Path) -> None:
    """Exit 2: a directory without a manifest is no finished run."""
    code, line = _refused(tmp_path, "--data", drawn)
    assert code == 2
    assert line.startswith(f"{tmp_path}: no manifest.json in it")


def test_damaged_model(tmp_path: Path, trained: Path, drawn: Path) -> None:
    """Exit 1: one changed byte is refused before the model is loaded."""
    run = shutil.copytree(trained, tmp_path / "run")
    content = bytearray((run / RunManifest.MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (run / RunManifest.MODEL).write_bytes(content)
    code, line = _refused(run, "--data", drawn)
    assert code == 1
    assert line.startswith(f"{run / RunManifest.MODEL}: SHA-256 is ")
    assert not run.with_name("run-validation").exists()


def test_data_of_other_labels(tmp_path: Path, trained: Path) -> None:
    """Exit 2 with the folder and the labels of the model."""
    for split in ("train", "validation"):
        for label in (*_ORDER, "angry"):
            folder = tmp_path / "faces" / split / label
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(b"never read")
    code, line = _refused(trained, "--data", tmp_path / "faces")
    assert code == 2
    assert line.endswith(f"train/angry is none of the labels {', '.join(_ORDER)}")


def test_model_alone(trained: Path, few_faces: FaceData) -> None:
    """Exit 2 with what is wanted: labels and input lie beside the model."""
    model = trained / RunManifest.MODEL
    code, line = _refused(model, "--data", few_faces.source)
    expected = f"{model}: is a file; the directory of a run or a bundle is wanted"
    assert (code, line) == (2, expected)


def test_split_that_is_missing(few_faces: FaceData, trained: Path) -> None:
    """Exit 2 with the splits that there are."""
    data = few_faces.source
    code, line = _refused(trained, "--data", data, "--split", "test")
    assert (code, line) == (2, f"{data}: no folder 'test'; found: train, validation")


def test_votes_that_match_no_file(
    tmp_path: Path, trained: Path, drawn: Path, voted: Path
) -> None:
    """Exit 2 with a name of each; nothing is left behind."""
    out = tmp_path / "report"
    code, line = _refused(trained, "--data", drawn, "--votes", voted, "--out", out)
    assert code == 2
    assert line.startswith(f"{voted}: votes for none of the 64 faces in validation")
    assert not out.exists()


def test_out_in_use(tmp_path: Path, trained: Path, drawn: Path) -> None:
    """Exit 2 with what lies there, which stays."""
    (tmp_path / "letter.txt").write_text("dear")
    code, line = _refused(trained, "--data", drawn, "--out", tmp_path)
    assert code == 2
    assert line.startswith(f"{tmp_path}: not empty ('letter.txt')")
    # Nor may a run be written over.
    code, line = _refused(trained, "--data", drawn, "--out", trained)
    assert code == 2
    read_manifest(trained, RunManifest)


def test_out_that_cannot_be_written(tmp_path: Path, trained: Path, drawn: Path) -> None:
    """Exit 2 with the path."""
    (tmp_path / "file").write_text("")
    code, line = _refused(trained, "--data", drawn, "--out", tmp_path / "file" / "out")
    assert code == 2
    assert line.startswith(f"{tmp_path / 'file' / 'out'}: ")


def test_full_disk(full_disk: Path, trained: Path, drawn: Path) -> None:
    """Exit 2 with the path; the run is what it was."""
    code, line = _refused(trained, "--data", drawn, "--out", full_disk / "report")
    assert code == 2
    assert line.startswith(f"{full_disk / 'report'}")
    assert line.endswith("No space left on device")
    read_manifest(trained, RunManifest)
