"""What the tests of installed models share: real bundles, good and bad."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from altered_bundles import (
    give_crashing_model,
    give_wrong_golden_outputs,
    released_as,
)
from fer_edge.models.store import Store

ToZip = Callable[[Path], Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that is not there yet."""
    return Store(tmp_path / "state" / "models")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A bundle that passes."""
    return released_as("good", tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another one that passes."""
    return released_as("other", tmp_path)


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """A bundle whose digests are right and whose model ends the interpreter."""
    bundle = released_as("crashing", tmp_path)
    give_crashing_model(bundle)
    return bundle


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A bundle whose digests are right and whose golden outputs are not."""
    bundle = released_as("wrong", tmp_path)
    give_wrong_golden_outputs(bundle)
    return bundle


@pytest.fixture(scope="session")
def to_zip() -> ToZip:
    """Pack a bundle as a file manager would: its folder, with all that is in it."""

    def pack(bundle: Path) -> Path:
        path = bundle.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(bundle.iterdir()):
                archive.write(file, f"{bundle.name}/{file.name}")
        return path

    return pack
