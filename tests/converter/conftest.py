"""Validation faces of the drawn data, with the trained run's labels."""

from pathlib import Path

import pytest

from fer_contract.dataset import FaceData, FaceSet


@pytest.fixture(scope="session")
def validation(drawn_faces: Path) -> FaceSet:
    """The drawn validation split."""
    return FaceData(drawn_faces).load("validation")
