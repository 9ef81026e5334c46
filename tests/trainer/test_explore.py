"""``fer-train explore``: the figures, the page, mistakes."""

import json
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.dataset import FaceData
from fer_trainer.sheets import contact_sheet
from processes import run_command, run_forked


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn faces; one of train is in validation too, another twice in train."""
    from fer_trainer.synthetic import write_data_set

    folder = tmp_path_factory.mktemp("spoilt") / "faces"
    write_data_set(folder, {"train": 8, "validation": 4}, seed=5)
    happy = sorted((folder / "train" / "happy").iterdir())
    leak = folder / "validation" / "sad" / "leak.png"
    leak.write_bytes(happy[0].read_bytes())
    (folder / "train" / "happy" / "twice.png").write_bytes(happy[1].read_bytes())
    return folder


class _Reader(HTMLParser):
    """Collects pictures, text and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "img":
            self.pictures.append(named["src"] or "")
        self.addresses += [
            value or "" for key, value in attrs if key in ("src", "href")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_exploration(spoilt: Path, tmp_path: Path) -> None:
    """Counts, duplicates and leaks on the terminal, as JSON, and on a page."""
    names = ["/".join(path.parts[-3:]) for path in sorted(spoilt.rglob("*.png"))]
    votes = tmp_path / "votes.csv"
    rows = "".join(f"{name},9,1,0,0\n" for name in names)
    votes.write_text(f"file,happiness,neutral,sadness,surprise\n{rows}")
    out = tmp_path / "explored"
    done = run_command(
        "fer-train", "explore", "--data", spoilt, "--votes", votes, "--out", out,
        "--recipe", "strong",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    facts = json.loads((out / "explore.json").read_text())
    assert facts["splits"]["train"]["classes"]["happy"] == 9
    found = facts["duplicates"]
    assert found["exact_groups"] == 2
    assert found["leaking_groups"] == 1
    assert found["leaking_faces"] == {"train": 1, "validation": 1}
    assert found["contradicting_groups"] == 1
    listed = {tuple(group["files"]) for group in found["list"] if group["exact"]}
    assert any("validation/sad/leak.png" in group for group in listed)
    assert facts["votes"]["train"]["agreement"]["happy"] == 1.0
    assert facts["votes"]["train"]["agreement"]["sad"] == 0.0
    assert "1 photographs are in several splits (1 faces of train" in done.stdout
    page = _Reader()
    page.feed((out / "explore.html").read_text())
    assert "the recipe strong makes" in " ".join(page.text.split())
    assert "Faces a class" in page.text
    # Counts, four samples, augmented, leaks, contradictions, disputed; perhaps near.
    assert len(page.pictures) >= 9
    assert all(
        address.startswith("data:image/png;base64,") for address in page.addresses
    )


def test_an_exploration_without_votes(spoilt: Path, tmp_path: Path) -> None:
    """No word of votes; a second one may replace it; the same seed, the same page."""
    out = tmp_path / "explored"
    pages = []
    # Of the two a hash differs, by which a set is in another order.
    for run in (run_command, run_forked):
        done = run("fer-train", "explore", "--data", spoilt, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
        assert "votes" not in json.loads(done.stdout)
        pages.append((out / "explore.html").read_bytes())
    assert pages[0] == pages[1]
    assert b"votes" not in pages[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--votes", "none.csv"], "none.csv: no such file"),
        (["--recipe", "weak"], "--recipe: 'weak'; allowed are"),
        (["--out", "{spoilt}"], "not empty ('train'); a new directory"),
        (["--out", "/proc/nowhere"], "/proc/nowhere"),
        (["--data", "none.zip"], "none.zip: no such file or folder"),
    ],
)
def test_mistaken_explorations(
    spoilt: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    """Exit 2 and one line."""
    filled = [part.format(spoilt=spoilt) for part in arguments]
    done = run_forked(
        "fer-train", "explore", "--data", spoilt, "--out", tmp_path / "out", *filled
    )
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_full_disk(spoilt: Path, full_disk: Path) -> None:
    """Exit 2 and one line that names the place."""
    out = full_disk / "out"
    done = run_forked("fer-train", "explore", "--data", spoilt, "--out", out)
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-train: {out}")
    assert done.stderr.endswith(": No space left on device\n")


def test_a_contact_sheet_shows_every_face(few_faces: FaceData) -> None:
    """A PNG with a cell a face, in rows, and room for the captions."""
    faces = few_faces.load("train").faces[:7]
    sizes = []
    for captions in (None, ["one\ntwo"] * 7):
        content = contact_sheet(faces, captions, columns=4)
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        sizes.append(picture.shape)
        # The eighth cell is empty.
        assert (picture[-20:, -20:] == 255).all()
        assert picture[: picture.shape[0] // 2 - 40, : picture.shape[1]].std() > 20
    assert sizes[0][1] == sizes[1][1]
    assert sizes[1][0] > sizes[0][0] + 30


def test_a_contact_sheet_of_nothing(few_faces: FaceData) -> None:
    """A mistake of the caller, not an empty picture."""
    faces = few_faces.load("train").faces
    with pytest.raises(ValueError, match="0 faces"):
        contact_sheet(faces[:0])
    with pytest.raises(ValueError, match="3 faces, 2 captions"):
        contact_sheet(faces[:3], ["a", "b"])
