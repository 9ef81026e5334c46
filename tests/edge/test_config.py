"""The configuration file, and the one that documents it."""

import re
import tomllib
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import pytest

from fer_edge.cameras.settings import CameraSettings
from fer_edge.classifiers import ModelSettings
from fer_edge.config import (
    Config,
    check_config,
    complaints,
    load_config,
)
from fer_edge.detectors import DetectorSettings
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import ConfigurationError


def _write(folder: Path, text: str) -> Path:
    path = folder / "fer-edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _keys() -> list[tuple[str, Field[Any]]]:
    """Every key of the configuration, as ``section.key``."""
    return [
        (f"{section.name}.{key.name}", key)
        for section in fields(Config)
        for key in fields(getattr(Config(), section.name))
    ]


@pytest.fixture
def documented(repository: Path) -> Path:
    """The configuration that is installed with the daemon."""
    return repository / "systemd" / "fer-edge.toml"


def test_empty_file(tmp_path: Path) -> None:
    """An empty file is the default configuration."""
    assert load_config(_write(tmp_path, "")) == Config()


def test_some_keys(tmp_path: Path) -> None:
    """What stands in the file holds, all else stays at its default."""
    config = load_config(
        _write(tmp_path, '[camera]\nname = "döör"\n[episodes]\ntrigger_seconds = 1\n')
    )
    assert config.camera.name == "döör"
    assert config.episodes == EpisodeSettings(trigger_seconds=1.0)
    assert config.tracking == Config().tracking


def test_many_mistakes(tmp_path: Path) -> None:
    """Every mistake has a line, and every line names the file and the key."""
    path = _write(
        tmp_path,
        """
        camra = 1
        "two\\nlines" = 2
        model = "bundle"
        [camera]
        name = ""
        [faces]
        detector = "hog"
        min_face_pixels = true
        [tracking]
        min_overlap = 2.0
        lost_second = 1.0
        [episodes]
        threshold = nan
        """,
    )
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}: camra: unknown key; did you mean camera?",
        rf"{path}: two\nlines: unknown key",
        f"{path}: camera.name: ''; a text that is not empty is wanted",
        f"{path}: model: 'bundle'; a section is wanted",
        f"{path}: faces.detector: 'hog'; allowed are auto, yunet, haar",
        f"{path}: faces.min_face_pixels: True; a whole number is wanted",
        f"{path}: tracking.lost_second: unknown key; did you mean lost_seconds?",
        f"{path}: tracking.min_overlap: 2.0; allowed is 0.05 to 0.95",
        f"{path}: episodes.threshold: nan; allowed is 0 to 1",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"[camera",
        b"name = door\n",
        b"\xff\xfe\x00",
        b"a = 1\na = 2\n",
        b"a=" + b"[" * 9999,
    ],
    ids=["open", "unquoted", "not text", "twice", "deep"],
)
def test_not_toml(tmp_path: Path, content: bytes) -> None:
    """A file that is no TOML is named in one line."""
    path = tmp_path / "fer-edge.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: not TOML (")
    assert len(str(caught.value).splitlines()) == 1


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    path = tmp_path / "fer-edge.toml"
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: No such file or directory"


def test_folder_for_a_file(tmp_path: Path) -> None:
    """A folder is no configuration."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(tmp_path)
    assert str(caught.value) == f"{tmp_path}: Is a directory"


def test_documented_configuration(documented: Path) -> None:
    """It is the default configuration: to delete a line changes nothing."""
    assert load_config(documented) == Config()


def test_complaints(state_directory: Path) -> None:
    """A source is needed, and a model where yunet is asked for; no bundle is."""
    source, model = (
        "camera.source: empty; a camera, URL or recording",
        "faces.yunet_model: empty, and "
        f"{state_directory / 'face_detection_yunet_2023mar.onnx'} is missing; "
        "fer-edge models fetch-detector",
    )
    camera = CameraSettings(source="door.avi")
    filled = Config(camera, ModelSettings("bundle"))
    yunet = DetectorSettings("yunet")
    assert complaints(Config()) == [source]
    assert complaints(Config(camera)) == []
    assert complaints(Config(faces=yunet)) == [source, model]
    assert complaints(filled) == []
    assert complaints(replace(filled, faces=yunet)) == [model]
    for faces in (replace(yunet, yunet_model="a.onnx"), DetectorSettings("haar")):
        assert complaints(replace(filled, faces=faces)) == []


def test_check_of_mistakes_of_both_kinds(tmp_path: Path, state_directory: Path) -> None:
    """All are told at once, and of a mistaken key not also that it is empty."""
    path = _write(
        tmp_path,
        """
        camera.source = 5
        model.bundel = "bundle"
        faces.detector = "yunet"
        """,
    )
    with pytest.raises(ConfigurationError) as caught:
        check_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}: camera.source: 5; a text in quotes is wanted",
        f"{path}: model.bundel: unknown key; did you mean bundle?",
        f"{path}: faces.yunet_model: empty, and "
        f"{state_directory / 'face_detection_yunet_2023mar.onnx'} is missing; "
        "fer-edge models fetch-detector",
    ]


def test_documented_keys(documented: Path) -> None:
    """Every key stands in it, once and in the order of the code."""
    table = tomllib.loads(documented.read_text(encoding="utf-8"))
    seen = [f"{section}.{key}" for section, keys in table.items() for key in keys]
    assert seen == [key for key, _ in _keys()]


@pytest.mark.parametrize(("name", "key"), _keys(), ids=[name for name, _ in _keys()])
def test_documented_meaning(documented: Path, name: str, key: Field[Any]) -> None:
    """Above a key stands what it means, its unit, and the range that the code has."""
    section, _, word = name.partition(".")
    text = documented.read_text(encoding="utf-8")
    body = text.partition(f"[{section}]\n")[2]
    found = re.search(rf"((?:^#.*\n)+){word} = ", body, re.MULTILINE)
    assert found, f"no comment above {name}"
    comment = " ".join(line.lstrip("# ") for line in found[1].splitlines())
    limits = key.metadata
    if limits["low"] is not None:
        assert f"{limits['low']:g} to {limits['high']:g}" in comment
    if word.endswith("_seconds"):
        assert "in seconds" in comment
    if word.endswith("_pixels"):
        assert "in pixels" in comment
    for allowed in (*limits["one_of"], *limits["forms"]):
        assert allowed in comment
    if key.default == "":
        assert "Example: " in comment
