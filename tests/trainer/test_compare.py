"""Networks side by side: the same faces, intervals, paired differences."""

import json
from pathlib import Path

from fer_contract.dataset import FaceData
from processes import run_forked


def test_two_networks_side_by_side(few_faces: FaceData, out: Path) -> None:
    """A row each, the figures as JSON too; a second call trains nothing again."""
    arguments: list[str | Path] = [
        "compare", "--data", few_faces.source, "--out", out, "--preset", "base",
        "--preset", "compact", "--epochs", "1", "--recipe", "study",
    ]  # fmt: skip
    done = run_forked("fer-train", *arguments)
    assert done.returncode == 0, done.stderr
    assert "training base" in done.stdout
    table = done.stdout.splitlines()[-4:]
    assert table[0].split()[:2] == ["preset", "epochs"]
    assert [line.split()[0] for line in table[1:3]] == ["base", "compact"]
    rows = json.loads((out / "comparison.json").read_text())["rows"]
    assert [row["preset"] for row in rows] == ["base", "compact"]
    assert rows[0]["difference_95"] is None
    low, high = rows[1]["difference_95"]
    difference = rows[1]["evaluation"]["accuracy"] - rows[0]["evaluation"]["accuracy"]
    assert low - 0.03 <= difference <= high + 0.03
    again = run_forked("fer-train", *arguments)
    assert again.returncode == 0, again.stderr
    assert "training" not in again.stdout
    assert again.stdout.splitlines()[-4:] == table
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
