"""The configuration file, and the one that documents it."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

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
from fer_edge.law import PURPOSES, LawSettings
from fer_edge.options import read
from fer_edge.publishers.hook import HookSettings

_SECTIONS = {
    section.name: type(getattr(Config(), section.name)) for section in fields(Config)
}
_SECTIONS["hooks"] = HookSettings


def _write(folder: Path, text: str) -> Path:
    path = folder / "fer-edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _keys() -> list[str]:
    """Every key of the configuration, as ``section.key``."""
    return [
        f"{name}.{key.name}"
        for name, section in _SECTIONS.items()
        for key in fields(section)
    ]


def _with_examples(documented: Path) -> str:
    """The documented configuration, its commented sections as if they were none."""
    text = documented.read_text(encoding="utf-8")
    plain_text, mark, examples = text.partition("# [[")
    return plain_text + re.sub(r"^# ?", "", mark + examples, flags=re.MULTILINE)


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
        "odd\\nkey" = 2
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
        trigger_seconds = 1
        name = "door"
        [[hooks]]
        [[hooks]]
        command = "lamp"
        events = ["new", "old"]
        """,
    )
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: camra: unknown key; did you mean camera?",
        rf'{path}:3: "odd\nkey": unknown key',
        f"{path}:4: model: 'bundle'; a section is wanted",
        f"{path}:6: camera.name: ''; a text that is not empty is wanted",
        f"{path}:8: faces.detector: 'hog'; allowed are auto, yunet, haar",
        f"{path}:9: faces.min_face_pixels: True; a whole number is wanted",
        f"{path}:11: tracking.min_overlap: 2.0; allowed is 0.05 to 0.95",
        f"{path}:12: tracking.lost_second: unknown key; did you mean lost_seconds?",
        f"{path}:14: episodes.threshold: nan; allowed is 0 to 1",
        f"{path}:16: episodes.name: unknown key; it belongs into [camera]",
        f"{path}:17: hooks[0].command: missing",
        f"{path}:19: hooks[1].command: 'lamp'; a list in brackets is wanted",
        f"{path}:20: hooks[1].events[1]: 'old'; allowed are new, update, end",
    ]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"[camera", ""),
        (b"name = door\n", ":1"),
        (b"\xff\xfe\x00", ""),
        (b"a = 1\r\na = 2\r\n", ":2"),
        (b"a=" + b"[" * 9999, ""),
        (b"a=" + b"9" * 9999, ""),
    ],
    ids=["open", "unquoted", "not text", "twice", "deep", "enormous"],
)
def test_not_toml(tmp_path: Path, content: bytes, place: str) -> None:
    """A file that is no TOML is named in one line, with the place if that is known."""
    path = tmp_path / "fer-edge.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}{place}: not TOML (")
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


def test_missing_source(tmp_path: Path) -> None:
    """What is missing from a section is told with the line of its header."""
    text = '[model]\n\n[camera]\nname = "door"\n[law]\npurpose = "testing"\n'
    path = _write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        check_config(path)
    complaint = "camera.source: empty; a camera, URL or recording"
    assert str(caught.value) == f"{path}:3: {complaint}"


def test_byte_order_mark(tmp_path: Path) -> None:
    """What some editors put before the text is no part of it."""
    path = tmp_path / "fer-edge.toml"
    path.write_bytes(b'\xef\xbb\xbf[camera]\r\nname = "door"\r\n')
    assert load_config(path).camera.name == "door"


def test_complaints(state_directory: Path) -> None:
    """A source is needed, and a model where yunet is asked for; no bundle is."""
    source, purpose, model = (
        "camera.source: empty; a camera, URL or recording",
        f"law.purpose: missing; say what emotions are read for: {', '.join(PURPOSES)}",
        "faces.yunet_model: empty, and "
        f"{state_directory / 'face_detection_yunet_2023mar.onnx'} is missing; "
        "fer-edge models fetch-detector",
    )
    camera = CameraSettings(source="door.avi")
    law = LawSettings(purpose="testing")
    filled = Config(camera, ModelSettings("bundle"), law=law)
    yunet = DetectorSettings("yunet")
    assert complaints(Config()) == [source, purpose]
    assert complaints(Config(camera)) == [purpose]
    assert complaints(Config(camera, law=law)) == []
    assert complaints(Config(law=law, faces=yunet)) == [source, model]
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
        law.purpose = "espionage"
        """,
    )
    with pytest.raises(ConfigurationError) as caught:
        check_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: camera.source: 5; a text in quotes is wanted",
        f"{path}:3: model.bundel: unknown key; did you mean bundle?",
        f"{path}:4: faces.yunet_model: empty, and "
        f"{state_directory / 'face_detection_yunet_2023mar.onnx'} is missing; "
        "fer-edge models fetch-detector",
        f"{path}:5: law.purpose: 'espionage'; allowed are {', '.join(PURPOSES)}",
    ]


def test_documented_keys(documented: Path) -> None:
    """Every key stands in it, once and in the order of the code."""
    table = tomllib.loads(_with_examples(documented))
    (table["hooks"],) = table["hooks"]
    seen = [f"{section}.{key}" for section, keys in table.items() for key in keys]
    assert seen == _keys()


def test_documented_hook(documented: Path) -> None:
    """The example of a hook has the defaults, but for its command."""
    examples = _with_examples(documented).partition("[[hooks]]\n")[2]
    table = tomllib.loads(examples)
    assert read(HookSettings, table) == (HookSettings(tuple(table["command"])), [])
