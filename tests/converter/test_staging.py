"""A bundle is there whole or not at all, and no one's files are replaced by it."""

from pathlib import Path

import pytest

from fer_contract.errors import DataError
from fer_converter.staging import Staging


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(place: Path, content: str, *, force: bool = False) -> None:
    with Staging(place, force=force) as staging:
        (staging.directory / "manifest.json").write_text(content)
        staging.finish()


def test_a_finished_bundle(tmp_path: Path) -> None:
    """It is in its place, and nothing else is left."""
    make(tmp_path / "bundle", "{}")
    assert entries(tmp_path) == ["bundle"]


def break_off(place: Path) -> None:
    with Staging(place, force=False) as staging:
        (staging.directory / "model").write_text("half")
        raise RuntimeError("no more")


def test_an_error_half_way(tmp_path: Path) -> None:
    """Nothing is left of it."""
    with pytest.raises(RuntimeError, match="no more"):
        break_off(tmp_path / "bundle")
    assert entries(tmp_path) == []


def test_a_refusal(tmp_path: Path) -> None:
    """Only the report lies beside the place, that of the last refusal."""
    for content in ("first", "second"):
        with Staging(tmp_path / "bundle", force=False) as staging:
            (staging.directory / "report.json").write_text(content)
            assert staging.refuse() == tmp_path / "bundle.refused"
    assert entries(tmp_path) == ["bundle.refused"]
    assert (tmp_path / "bundle.refused" / "report.json").read_text() == "second"


def test_a_bundle_is_there_already(tmp_path: Path) -> None:
    """It is kept without --force, and replaced with it."""
    make(tmp_path / "bundle", "old")
    with pytest.raises(DataError, match="already there; --force replaces it"):
        make(tmp_path / "bundle", "new")
    assert (tmp_path / "bundle" / "manifest.json").read_text() == "old"
    make(tmp_path / "bundle", "new", force=True)
    assert (tmp_path / "bundle" / "manifest.json").read_text() == "new"
    assert entries(tmp_path) == ["bundle"]


def test_force_on_what_is_no_bundle(tmp_path: Path) -> None:
    """A mistyped path costs no one's files."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(DataError, match="is no bundle"):
        make(tmp_path / "thesis", "new", force=True)
    assert entries(tmp_path / "thesis") == ["chapter1.tex"]
