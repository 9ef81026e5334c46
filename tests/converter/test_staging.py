"""A bundle is there whole or not at all, and no one's files are replaced by it."""

from pathlib import Path

import pytest

from fer_contract.errors import DataError
from fer_converter.staging import Staging


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


BUNDLE = '{"kind": "bundle", "files": {"model": "…"}}'


def make(place: Path, content: str, *, force: bool = False) -> None:
    with Staging(place, force=force) as staging:
        (staging.directory / "manifest.json").write_text(BUNDLE)
        (staging.directory / "model").write_text(content)
        staging.finish()


def test_a_finished_bundle(tmp_path: Path) -> None:
    """It is in its place, and nothing else is left."""
    make(tmp_path / "bundle", "new")
    assert entries(tmp_path) == ["bundle"]


def test_an_empty_directory(tmp_path: Path) -> None:
    """Someone may have made it before."""
    (tmp_path / "bundle").mkdir()
    make(tmp_path / "bundle", "new")
    assert entries(tmp_path / "bundle") == ["manifest.json", "model"]


@pytest.mark.parametrize("place", ["/", "/proc"])
def test_a_mount_point(place: str) -> None:
    """No rename replaces it: said before the work, with what to do."""
    with pytest.raises(DataError, match=f"{place}: a mount point; name a directory in"):
        Staging(Path(place), force=True)


def break_off(place: Path) -> None:
    with Staging(place, force=False) as staging:
        (staging.directory / "model").write_text("half")
        raise RuntimeError("no more")


def test_an_error_half_way(tmp_path: Path) -> None:
    """Nothing is left of it."""
    with pytest.raises(RuntimeError, match="no more"):
        break_off(tmp_path / "bundle")
    assert entries(tmp_path) == []


def refuse(place: Path, content: str) -> Path:
    with Staging(place, force=True) as staging:
        (staging.directory / "report.json").write_text(content)
        return staging.refuse()


def test_a_refusal(tmp_path: Path) -> None:
    """Only the report lies beside the place, that of the last refusal."""
    for content in ("first", "second"):
        assert refuse(tmp_path / "bundle", content) == tmp_path / "bundle.refused"
    assert entries(tmp_path) == ["bundle.refused"]
    assert (tmp_path / "bundle.refused" / "report.json").read_text() == "second"


def test_a_success_after_a_refusal(tmp_path: Path) -> None:
    """The old refusal would be mistaken for news."""
    refuse(tmp_path / "bundle", "first")
    make(tmp_path / "bundle", "new")
    assert entries(tmp_path) == ["bundle"]


def test_a_refusal_where_a_bundle_is(tmp_path: Path) -> None:
    """The bundle stays what it was."""
    make(tmp_path / "bundle", "old")
    refuse(tmp_path / "bundle", "report")
    assert (tmp_path / "bundle" / "model").read_text() == "old"


def test_something_else_in_the_refusals_place(tmp_path: Path) -> None:
    """No one's notes are replaced by a report."""
    (tmp_path / "bundle.refused").mkdir()
    (tmp_path / "bundle.refused" / "notes").write_text("mine")
    with pytest.raises(DataError, match="in the way of the report"):
        Staging(tmp_path / "bundle", force=False)  # before any work
    assert (tmp_path / "bundle.refused" / "notes").read_text() == "mine"


def test_a_bundle_is_there_already(tmp_path: Path) -> None:
    """It is kept without --force, and replaced with it."""
    make(tmp_path / "bundle", "old")
    with pytest.raises(DataError, match="already there; --force replaces a bundle"):
        make(tmp_path / "bundle", "new")
    assert (tmp_path / "bundle" / "model").read_text() == "old"
    make(tmp_path / "bundle", "new", force=True)
    assert (tmp_path / "bundle" / "model").read_text() == "new"
    assert entries(tmp_path) == ["bundle"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chapter1.tex", "years of work"),
        ("manifest.json", "{}"),
        ("manifest.json", '{"kind": "run", "files": {}}'),
        ("manifest.json", "[" * 9),
        ("manifest.json", '{"kind": "bundle", "files": 5}'),
    ],
)
def test_force_on_what_is_no_bundle(tmp_path: Path, name: str, content: str) -> None:
    """A mistyped path costs no one's files, not even a run directory."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text(content)
    with pytest.raises(DataError, match="holds more than a bundle"):
        make(tmp_path / "mine", "new", force=True)
    assert (tmp_path / "mine" / name).read_text() == content


def test_force_on_a_bundle_with_a_file_of_someone(tmp_path: Path) -> None:
    """What the manifest does not list is not ours to remove."""
    make(tmp_path / "bundle", "old")
    (tmp_path / "bundle" / "notes").write_text("mine")
    with pytest.raises(DataError, match="holds more than a bundle"):
        make(tmp_path / "bundle", "new", force=True)
    assert (tmp_path / "bundle" / "notes").read_text() == "mine"


def test_force_on_a_bundle_that_was_compiled_by_hand(tmp_path: Path) -> None:
    """What the Edge TPU compiler put into it goes with it."""
    make(tmp_path / "bundle", "old")
    for name in ("model_int8_edgetpu.tflite", "model_int8_edgetpu.log"):
        (tmp_path / "bundle" / name).write_text("compiled")
    make(tmp_path / "bundle", "new", force=True)
    assert entries(tmp_path / "bundle") == ["manifest.json", "model"]


def test_what_a_killed_process_left(tmp_path: Path) -> None:
    """It is swept up, and a bundle that was moved away is put back first."""
    left = tmp_path / ".bundle.unfinished"
    (left / "new").mkdir(parents=True)
    (left / "old").mkdir()
    (left / "old" / "manifest.json").write_text(BUNDLE)
    (left / "old" / "model").write_text("old")
    with pytest.raises(DataError, match="already there"):
        make(tmp_path / "bundle", "new")
    assert (tmp_path / "bundle" / "model").read_text() == "old"
    make(tmp_path / "bundle", "new", force=True)
    assert (tmp_path / "bundle" / "model").read_text() == "new"
    assert entries(tmp_path) == ["bundle"]
