"""FER+ votes: which file, which faces, which columns."""

from pathlib import Path

import numpy as np
import pytest

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.errors import DataError
from fer_trainer.votes import read_votes

HEADER = "file,neutral,happiness,surprise,sadness,anger"


@pytest.fixture
def faces(few_faces: FaceData) -> FaceSet:
    """Sixty-four faces of four labels."""
    return few_faces.load("train")


@pytest.fixture
def table(tmp_path: Path, faces: FaceSet) -> Path:
    """Votes for all faces but the last: 1, 2, 3 and 4 for the labels, 5 for anger."""
    rows = "".join(f"{name},1,2,3,4,5\n" for name in faces.names[:-1])
    path = tmp_path / "votes.csv"
    path.write_text(f"{HEADER}\n{rows}")
    return path


def test_votes_are_found_by_path_and_by_noun(table: Path, faces: FaceSet) -> None:
    """FER+ says happiness where the folder says happy; zeros where no one voted."""
    votes = read_votes(table)
    assert faces.labels == ("happy", "neutral", "sad", "surprise")
    assert votes.column_of(faces.labels).tolist() == [1, 0, 3, 2]
    counts = votes.of(faces)
    assert counts.shape == (64, 5)
    assert counts[0].tolist() == [1, 2, 3, 4, 5]
    assert counts[-1].tolist() == [0] * 5


def test_shares_are_of_the_votes_for_labels(table: Path, faces: FaceSet) -> None:
    """Anger is no label; a face without votes counts as voted for its own."""
    shares = read_votes(table).shares(faces)
    np.testing.assert_allclose(shares[0], [0.2, 0.1, 0.4, 0.3])
    np.testing.assert_array_equal(shares[-1], np.eye(4)[faces.classes[-1]])


def test_faces_without_votes_are_counted(
    table: Path, faces: FaceSet, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning with their number, once."""
    read_votes(table).check(faces)
    assert caplog.messages == [f"{table}: no votes for 1 of 64 faces in train"]


def test_votes_of_other_data(table: Path, faces: FaceSet) -> None:
    """One line: how its files are named, and how the faces are."""
    table.write_text(f"{HEADER}\nother/0.jpg,1,1,1,1,1\n")
    with pytest.raises(DataError, match="votes for none of the 64 faces in train"):
        read_votes(table).of(faces)


def test_a_label_that_could_not_be_voted_for(table: Path) -> None:
    """One line with the columns there are."""
    with pytest.raises(DataError, match="no column 'bored' for the label 'bored'"):
        read_votes(table).column_of(("happy", "bored"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1: ''; wanted: file,<emotion>"),
        (b"image,happiness\na,1\n", "line 1: 'image,happiness'; wanted"),
        (b"file\na\n", "line 1: 'file'; wanted"),
        (b"file,fear,fear\na,1,1\n", "line 1: a column is named twice"),
        (b"file,fear\n", "no votes in it"),
        (b"file,fear\na,1,2\n", "line 2: 3 values; 2 are wanted"),
        (b"file,fear\na,-1\n", "line 2: '-1'; a number of votes is wanted"),
        (b"file,fear\na,1.5\n", "line 2: '1.5'; a number of votes"),
        (b"file,fear\na,nan\n", "line 2: 'nan'; a number of votes"),
        (b"\xff\xfe\x00", "not a CSV file"),
        (b'file,fear\n"a,1\n', "not a CSV file"),
    ],
)
def test_a_file_that_holds_no_votes(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    """One line that names file and line."""
    path = tmp_path / "votes.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_votes(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")


def test_no_file_of_votes(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(DataError, match="no such file"):
        read_votes(tmp_path / "votes.csv")


def test_the_real_votes(shared: Path) -> None:
    """22,637 faces of ten votes each."""
    votes = read_votes(shared / "data" / "ferplus_votes.csv")
    assert len(votes.table) == 22_637
    assert {int(counts.sum()) for counts in votes.table.values()} == {10}
