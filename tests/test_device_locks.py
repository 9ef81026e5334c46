"""Four locks keep TensorFlow, Keras, trainer and converter off the device."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

BANNED = ("tensorflow", "keras", "fer_trainer", "fer_converter")


def device_modules(repository: Path) -> list[str]:
    """Every module of ``fer_edge`` and ``fer_contract``, by import name."""
    return sorted(
        ".".join(
            path.relative_to(repository / folder).with_suffix("").parts
        ).removesuffix(".__init__")
        for folder in ("edge", "contract")
        for path in (repository / folder).rglob("*.py")
    )


def requirements(extra: str) -> set[str]:
    """Names of what is installed with an extra, the base's included."""
    lines = importlib.metadata.requires("fer-edge-toolkit") or []
    wanted = [line for line in lines if "extra ==" not in line or f"'{extra}'" in line]
    return {re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in wanted}


def test_first_lock_the_extra_names_no_training_package() -> None:
    """What a device is told to install holds neither TensorFlow nor Keras."""
    assert "tensorflow" in requirements("train")
    assert requirements("edge") == {
        "ai-edge-litert", "aiohttp", "click", "numpy", "opencv-python-headless",
        "paho-mqtt", "prometheus-client", "tflite-runtime",
    }  # fmt: skip


def test_second_lock_no_device_module_imports_them(repository: Path) -> None:
    """Every device module is imported while the packages are barred."""
    modules = device_modules(repository)
    assert "fer_edge.loop" in modules
    assert "fer_contract.preprocess" in modules
    program = f"""
        import importlib, sys

        class Bar:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {BANNED!r}:
                    raise AssertionError(f"imported on the device: {{name}}")

        sys.meta_path.insert(0, Bar())
        for module in {modules!r}:
            importlib.import_module(module)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_third_lock_the_device_works_with_its_extra_alone(
    device_python: Path, bundle: Path, tmp_path: Path
) -> None:
    """No banned package is there, and the daemon reports a drawn face."""
    probe = (
        "from importlib.util import find_spec;"
        f"print([name for name in {BANNED[:2]!r} if find_spec(name)])"
    )
    found = subprocess.run(
        [device_python, "-c", probe], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

    import cv2
    import numpy as np

    from fer_trainer.synthetic import Expression, Person, draw_scene

    rng = np.random.default_rng(2)
    cast = [(Person.random(rng), Expression.of("happy", rng))]
    scene, _ = draw_scene(cast, rng=rng)
    cv2.imwrite(str(tmp_path / "scene.png"), scene)
    done = subprocess.run(
        [device_python.parent / "fer-edge", "replay", tmp_path, "--bundle", bundle],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"type":"new"' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["fer-train", "run", "--data", "x", "--out", "y"], "train"),
        (["fer-train", "synth", "--out", "y"], "train"),
        (["fer-convert", "--int8", "x", "-o", "y", "--data", "z"], "convert"),
    ],
)
def test_fourth_lock_the_other_commands_name_their_extra(
    device_python: Path, tmp_path: Path, arguments: list[str], extra: str
) -> None:
    """Exit 2 and one line with the pip command."""
    done = subprocess.run(
        [device_python.parent / arguments[0], *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"needs: pip install 'fer-edge-toolkit[{extra}]' (in" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("contract", {"fer_contract"}),
        ("trainer", {"fer_contract", "fer_trainer"}),
        ("converter", {"fer_contract", "fer_converter"}),
        ("edge", {"fer_contract", "fer_edge"}),
    ],
)
def test_imports_point_only_to_the_contract(
    repository: Path, folder: str, allowed: set[str]
) -> None:
    """The picture: trainer -> contract <- converter, edge -> contract."""
    seen = set()
    for path in (repository / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                seen |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                seen.add(node.module.split(".")[0])
    assert {name for name in seen if name.startswith("fer_")} == allowed
