"""Small real data for the trainer's tests."""

from pathlib import Path

import pytest

from fer_contract.dataset import FaceData
from fer_trainer.synthetic import write_data_set


@pytest.fixture(scope="session")
def few_faces(tmp_path_factory: pytest.TempPathFactory) -> FaceData:
    """Drawn faces, 16 a class to train on and 8 to validate."""
    folder = tmp_path_factory.mktemp("few") / "faces"
    write_data_set(folder, {"train": 16, "validation": 8}, seed=3)
    return FaceData(folder)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run directory to be."""
    return tmp_path / "run"
