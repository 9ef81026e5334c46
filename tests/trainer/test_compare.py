"""Networks side by side: the same faces, intervals, paired differences."""

import json
from pathlib import Path

import pytest

from fer_contract.dataset import FaceData
from fer_trainer.synthetic import write_data_set
from processes import run_forked


@pytest.fixture(scope="module")
def base(few_faces: FaceData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, of one epoch."""
    run = tmp_path_factory.mktemp("trained") / "base"
    done = run_forked(
        "fer-train", "run", "--data", few_faces.source, "--out", run, "--preset",
        "base", "--epochs", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return run


def test_two_networks_side_by_side(few_faces: FaceData, out: Path) -> None:
    """A row each, the figures as JSON too; a second call trains nothing again."""
    arguments: list[str | Path] = [
        "compare", "--data", few_faces.source, "--out", out, "--preset", "base",
        "--preset", "compact", "--epochs", "1", "--recipe", "study",
    ]  # fmt: skip
    done = run_forked("fer-train", *arguments)
    assert done.returncode == 0, done.stderr
    assert "training base" in done.stdout
    table = done.stdout.splitlines()[-5:]
    assert table[0].split()[:2] == ["model", "epochs"]
    assert [line.split()[0] for line in table[1:3]] == ["base", "compact"]
    rows = json.loads((out / "comparison.json").read_text())["rows"]
    assert [row["preset"] for row in rows] == ["base", "compact"]
    assert [row["network"]["convolutions"] for row in rows] == [3, 12]
    assert rows[0]["difference_95"] is None
    low, high = rows[1]["difference_95"]
    difference = rows[1]["evaluation"]["accuracy"] - rows[0]["evaluation"]["accuracy"]
    assert low - 0.03 <= difference <= high + 0.03
    again = run_forked("fer-train", *arguments)
    assert again.returncode == 0, again.stderr
    assert "training" not in again.stdout
    assert again.stdout.splitlines()[-5:] == table
    for change, told in (
        (
            ["--recipe", "standard"],
            "already trained with recipe.augmentation.brightness",
        ),
        (["--seed", "1"], "already trained with another seed; name another"),
        (["--image-size", "56"], "already trained with another input; name another"),
    ):
        other = run_forked("fer-train", *arguments, *change)
        assert other.returncode == 2
        assert f"{out / 'base'}: {told}" in other.stderr.splitlines()[-1]


def test_a_network_twice(few_faces: FaceData, out: Path) -> None:
    """Exit 2 and one line."""
    done = run_forked(
        "fer-train", "compare", "--data", few_faces.source, "--out", out,
        "--preset", "base", "--preset", "base",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "fer-train: --preset: base, base; each is allowed once\n"


def test_models_that_are_there(
    few_faces: FaceData, base: Path, repository: Path, out: Path
) -> None:
    """A run and a bundle, nothing is trained; the page shows what only one has."""
    released = repository / "edge" / "fer_edge" / "released"
    done = run_forked(
        "fer-train", "compare", base, released, "--data", few_faces.source, "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("difference to base")
    assert {path.name for path in out.iterdir()} == {
        "comparison.json", "comparison.html",
    }  # fmt: skip
    rows = json.loads((out / "comparison.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["base", "released"]
    assert [row["preset"] for row in rows] == ["base", "slim"]
    assert rows[0]["training_accuracy"] is not None
    # A bundle does not hold its history.
    assert rows[1]["training_accuracy"] is None
    page = (out / "comparison.html").read_text()
    assert "What they are made of" in page
    assert "15 &times; 15" in page
    assert "Confusion matrices" in page
    assert "http" not in page.partition("<body>")[2]


def test_a_model_of_other_labels(base: Path, tmp_path: Path, out: Path) -> None:
    """Both label orders are shown; they would be compared wrongly."""
    data = tmp_path / "three"
    write_data_set(data, {"train": 4, "validation": 4}, seed=1)
    done = run_forked(
        "fer-train", "compare", base, "--data", data, "--out", out, "--labels",
        "sad,happy,neutral,surprise",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"fer-train: {base}: labels happy, neutral, sad, surprise; "
        "sad, happy, neutral, surprise are compared here, in this order\n"
    )


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "--preset: nothing to compare; it, or a RUN or BUNDLE, is wanted"),
        (["RUN", "RUN"], "RUN|BUNDLE: RUN, RUN; each is allowed once"),
        (
            ["RUN", "--epochs", "3"],
            "--epochs: is for networks to train; name them with --preset",
        ),
        (["RUN", "BUNDLE"], "RUN: no such directory"),
    ],
)
def test_what_cannot_be_compared(
    given: list[str], complaint: str, few_faces: FaceData, out: Path
) -> None:
    """Exit 2 and one line."""
    done = run_forked(
        "fer-train", "compare", *given, "--data", few_faces.source, "--out", out
    )
    assert (done.returncode, done.stderr) == (2, f"fer-train: {complaint}\n")


def test_a_model_that_cannot_be_compared_with_one_to_train(
    few_faces: FaceData, base: Path, out: Path
) -> None:
    """It is refused before hours of training, not after them."""
    done = run_forked(
        "fer-train", "compare", base, "--preset", "base", "--image-size", "56",
        "--data", few_faces.source, "--out", out,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        f"fer-train: {base}: takes faces of 48x48; of 56x56 are compared here",
    )
    assert not out.exists()
