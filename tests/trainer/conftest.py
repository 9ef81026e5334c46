"""Small real data for the trainer's tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_contract.dataset import FaceData
from fer_trainer.material import Material, load_material
from fer_trainer.plan import Plan, make_plan
from fer_trainer.presets import find_preset
from fer_trainer.recipes import find_recipe, override
from fer_trainer.synthetic import write_data_set


@pytest.fixture(scope="session")
def few_faces(tmp_path_factory: pytest.TempPathFactory) -> FaceData:
    """Drawn faces, 16 a class to train on and 8 to validate."""
    folder = tmp_path_factory.mktemp("few") / "faces"
    write_data_set(folder, {"train": 16, "validation": 8}, seed=3)
    return FaceData(folder)


@pytest.fixture(scope="session")
def few(few_faces: FaceData) -> Material:
    """The same, loaded."""
    return load_material(few_faces)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run directory to be."""
    return tmp_path / "run"


def _plan(preset: str = "base", recipe: str = "standard", **settings: Any) -> Plan:
    changes = {
        key: settings.pop(key) for key in list(settings) if key in _RECIPE_FIELDS
    }
    defaults = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-3, "seed": 4}
    return make_plan(
        find_preset(preset),
        override(find_recipe(recipe), changes),
        **(defaults | settings),
    )


_RECIPE_FIELDS = frozenset(find_recipe("standard").facts())


@pytest.fixture(scope="session")
def planned() -> Callable[..., Plan]:
    """Return what makes a plan for few faces: three epochs of four batches."""
    return _plan
