"""The model card: figures that are measured, provenance that can be run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_contract.dataset import FaceData
from fer_contract.manifest import BundleManifest, read_manifest
from fer_trainer.evaluation.robustness import DISTURBANCES
from processes import run_command, run_forked

LICENCE = "Drawn by this toolkit; free for all."


@pytest.fixture(scope="module")
def votes(drawn_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody votes for the label, but for neutral: those are seen as sad."""
    path = tmp_path_factory.mktemp("votes") / "votes.csv"
    lines = ["file,neutral,happiness,surprise,sadness"]
    columns = {"neutral": 3, "happy": 1, "surprise": 2, "sad": 3}
    for split in ("validation", "test"):
        for name in FaceData(drawn_faces).load(split).names:
            row = ["0"] * 4
            row[columns[name.split("/")[1]]] = "9"
            lines.append(",".join([name, *row]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def carded(
    bundle: Path,
    drawn_faces: Path,
    votes: Path,
    made_once: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """A bundle with its card."""

    def make(place: Path) -> None:
        shutil.copytree(bundle, place)
        done = run_command(
            "fer-train", "card", place, "--data", drawn_faces, "--votes", votes,
            "--data-licence", LICENCE, "--test",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"card: {place / 'MODEL_CARD.md'}\n"

    return made_once("carded", make)


def test_a_card_joins_the_bundle(carded: Path, bundle: Path) -> None:
    """Three files more; the bundle is as good as before."""
    names = {path.name for path in bundle.iterdir()}
    assert {path.name for path in carded.iterdir()} == names | set(
        BundleManifest.COMPANIONS
    )
    read_manifest(carded, BundleManifest)


def test_its_figures_are_those_of_the_json(carded: Path) -> None:
    """Accuracy against labels and votes with intervals, of validation and of test."""
    facts = json.loads((carded / "card.json").read_text())
    card = (carded / "MODEL_CARD.md").read_text()
    manifest = read_manifest(carded, BundleManifest)
    assert facts["model_sha256"] == manifest.files[BundleManifest.MODEL]
    assert facts["model_sha256"] in card
    assert card.startswith(f"# {manifest.name}\n")
    assert facts["bytes"] == (carded / BundleManifest.MODEL).stat().st_size
    assert facts["edgetpu_operators"] == facts["operators"]
    for split in ("validation", "test"):
        part = facts[split]
        assert part["accuracy"] > 0.95
        # Neutral faces were voted sad.
        assert part["votes"]["accuracy"] == pytest.approx(0.75, abs=0.03)
        for figures in (part, part["votes"]):
            low, high = figures["accuracy_95"]
            told = f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"
            assert told in card


def test_every_class_and_every_curve_is_told(carded: Path) -> None:
    """Recalls with intervals; the unchanged level is marked; the picture is there."""
    card = (carded / "MODEL_CARD.md").read_text()
    facts = json.loads((carded / "card.json").read_text())
    rows = [line for line in card.splitlines() if line.startswith("| neutral |")]
    assert len(rows) == 1
    assert rows[0].endswith("| - |")  # no face was voted neutral
    assert list(facts["robustness"]) == [part.name for part in DISTURBANCES]
    for part in DISTURBANCES:
        row = next(line for line in card.splitlines() if f"| {part.name} |" in line)
        assert f"**{part.nothing:g}**: " in row
    assert (carded / "robustness.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_it_says_where_the_model_is_from_and_what_it_is_not_for(carded: Path) -> None:
    """The command that was run, the licence that was given, the law."""
    card = (carded / "MODEL_CARD.md").read_text()
    command = next(line for line in card.splitlines() if line.startswith("fer-train"))
    assert "--preset compact --recipe standard --epochs 10 --batch-size 64" in command
    assert f"Licence of the data: {LICENCE}" in card
    assert "Art. 5(1)(f)" in card
    assert "{{" not in card


def test_without_votes(bundle: Path, few_drawn_faces: Path, tmp_path: Path) -> None:
    """Then everything is by the labels, and tables have a column less."""
    place = shutil.copytree(bundle, tmp_path / "bundle")
    done = run_forked(
        "fer-train", "card", place, "--data", few_drawn_faces, "--data-licence", LICENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    card = (place / "MODEL_CARD.md").read_text()
    assert "votes" not in card
    header = next(line for line in card.splitlines() if line.startswith("| class |"))
    below = card.splitlines()[card.splitlines().index(header) + 1]
    assert (header.count("|"), below) == (3, "|---|---|")


def test_a_bundle_without_its_report(
    bundle: Path, drawn_faces: Path, tmp_path: Path
) -> None:
    """One line that names the file; no card is begun."""
    place = shutil.copytree(bundle, tmp_path / "bundle")
    (place / "report.json").unlink()
    done = run_forked(
        "fer-train", "card", place, "--data", drawn_faces, "--data-licence", LICENCE
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{place / 'report.json'}: missing" in done.stderr
    assert not (place / "MODEL_CARD.md").exists()
