"""``fer-convert model.tflite``: looked at, not converted."""

import json
from pathlib import Path

import pytest

from converter_models import Converted
from fer_converter.quantize import Kind
from processes import run_command


@pytest.fixture(scope="module")
def files(
    converted: Converted, tmp_path_factory: pytest.TempPathFactory
) -> dict[Kind, Path]:
    """The compact preset in all kinds."""
    folder = tmp_path_factory.mktemp("kinds")
    for kind, content in converted.contents.items():
        (folder / f"{kind}.tflite").write_bytes(content)
    return {kind: folder / f"{kind}.tflite" for kind in Kind}


def test_an_int8_model(files: dict[Kind, Path]) -> None:
    """Size, ends, table and rules; exit 0, also as a question for the Edge TPU."""
    done = run_command("fer-convert", files[Kind.INT8], "--edgetpu")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "KB, 21 operators, 24.3 million multiplications" in lines[0]
    assert lines[1].startswith("input  uint8 (1, 48, 48, 1)")
    assert any(line.split()[:3] == ["CONV_2D", "12", "maps"] for line in lines)
    assert "passed    every operator maps: 21 of 21 operators" in lines
    assert not any(line.startswith("failed") for line in lines)


def test_a_float_model(files: dict[Kind, Path]) -> None:
    """Told what it lacks with exit 0; refused with 1 if it is for the Edge TPU."""
    done = run_command("fer-convert", files[Kind.FLOAT32])
    assert (done.returncode, done.stderr) == (0, "")
    assert "failed    full integer: " in done.stdout
    done = run_command("fer-convert", files[Kind.FLOAT32], "--edgetpu")
    assert done.returncode == 1
    assert done.stderr.startswith(f"fer-convert: {files[Kind.FLOAT32]}: not for the ")
    assert done.stderr.count("\n") == 1


def test_as_json(files: dict[Kind, Path]) -> None:
    """For programs."""
    done = run_command("fer-convert", files[Kind.INT8], "--json")
    facts = json.loads(done.stdout)
    assert facts["file"] == "int8.tflite"
    assert facts["inputs"][0]["scales"] == [1.0]
    assert facts["edgetpu"]["predicted"] is True
    assert facts["compiled_for_edgetpu"] is False


def test_a_file_that_google_compiled(shared: Path) -> None:
    """It is recognised; what it was made of cannot be seen in it."""
    path = shared / "models" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    done = run_command("fer-convert", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "compiled for the Edge TPU" in done.stdout


@pytest.mark.parametrize("option", ["--int8", "--float16"])
def test_a_conversion_is_asked_for(files: dict[Kind, Path], option: str) -> None:
    """Exit 2: there is nothing to convert from."""
    done = run_command("fer-convert", files[Kind.INT8], option)
    assert done.returncode == 2
    assert "a .tflite file is only looked at" in done.stderr


@pytest.mark.parametrize("part", ["half", "nothing", "text", "missing"])
def test_no_model(files: dict[Kind, Path], tmp_path: Path, part: str) -> None:
    """Exit 2, and one line that names the file."""
    content = files[Kind.INT8].read_bytes()
    path = tmp_path / "a.tflite"
    if part != "missing":
        path.write_bytes(
            {"half": content[: len(content) // 2], "nothing": b"", "text": b"no model"}[
                part
            ]
        )
    done = run_command("fer-convert", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fer-convert: {path}: ")
    assert done.stderr.count("\n") == 1
