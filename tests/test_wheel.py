"""The wheel: four packages, the device's configuration, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_edge.law.notice import LANGUAGES


@pytest.fixture(scope="module")
def names(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a wheel built here holds."""
    out = tmp_path_factory.mktemp("wheel")
    # Without isolation the build fetches nothing.
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_module_is_in_it(repository: Path, names: set[str]) -> None:
    """An editable install would hide a package that was forgotten."""
    modules = {
        str(path.relative_to(repository / folder))
        for folder in ("contract", "trainer", "converter", "edge")
        for path in (repository / folder).rglob("*.py")
    }
    assert len(modules) > 40
    assert modules <= names


def test_what_is_no_module_is_in_it_too(repository: Path, names: set[str]) -> None:
    """Templates, type marks, the device's configuration, and the released model."""
    others = {name for name in names if not name.endswith(".py")}
    assert {"fer_converter/templates/report.html", "fer_edge/py.typed"} <= others
    assert {
        f"fer_edge/released/{path.name}"
        for path in (repository / "edge" / "fer_edge" / "released").iterdir()
    } <= others
    assert "fer_trainer/presets/compact.npz" in others
    texts = {f"fer_edge/law/texts/{language}.toml" for language in LANGUAGES}
    assert texts == {name for name in others if "/law/" in name}
    assert any(name.endswith("share/fer-edge/systemd/fer-edge.toml") for name in others)


def test_nothing_else_is_in_it(names: set[str]) -> None:
    """No tests, no top-level name but ours, no model but the released, one drawing."""
    tops = {name.split("/")[0].split("-")[0] for name in names}
    packages = {"fer_contract", "fer_trainer", "fer_converter", "fer_edge"}
    assert tops == packages | {"fer_edge_toolkit"}
    drawing = "fer_edge/drawn.jpg"
    assert drawing in names
    rest = {name for name in names if "/released/" not in name} - {drawing}
    assert {name for name in rest if name.endswith(".npz")} == {
        "fer_trainer/presets/compact.npz"
    }
    assert {name for name in rest if name.endswith(".md")} == {
        "fer_trainer/templates/MODEL_CARD.md"
    }
    assert {Path(name).suffix for name in rest} <= {
        "", ".py", ".typed", ".html", ".toml", ".txt", ".md", ".npz",
    }  # fmt: skip
