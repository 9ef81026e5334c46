"""The schema of the configuration: it finds in one key what the daemon finds."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fer_edge.config import Config
from fer_edge.config_schema import config_schema
from fer_edge.meanings import meanings
from fer_edge.options import read

_SCHEMA = config_schema()
_JUDGE = Draft202012Validator(_SCHEMA)


def test_schema() -> None:
    """It is one."""
    Draft202012Validator.check_schema(_SCHEMA)


def test_one_key() -> None:
    """Type, bounds, default and meaning of a key are those of the code."""
    episodes = _SCHEMA["properties"]["episodes"]
    assert episodes["additionalProperties"] is False
    assert episodes["properties"]["refractory_seconds"] == {
        "type": "number",
        "minimum": 0.0,
        "maximum": 3600.0,
        "default": 2.0,
        "description": "Least time between two beginnings on one face.",
    }


def test_hooks() -> None:
    """A command is needed, the rest has defaults."""
    hook = _SCHEMA["properties"]["hooks"]["items"]
    assert hook["required"] == ["command"]
    assert hook["properties"]["events"]["default"] == ["new"]
    assert hook["properties"]["events"]["items"] == {"enum": ["new", "update", "end"]}
    assert hook["properties"]["command"]["minItems"] == 1


def test_every_key_has_a_meaning() -> None:
    """No key is without a description."""
    sections = _SCHEMA["properties"]
    for name, section in sections.items():
        for key, part in section.get("items", section)["properties"].items():
            assert part.get("description"), f"{name}.{key}"


def test_documented_configuration(repository: Path) -> None:
    """It is as the schema wants it."""
    text = (repository / "systemd" / "fer-edge.toml").read_text(encoding="utf-8")
    _JUDGE.validate(tomllib.loads(text))


def test_examples() -> None:
    """A text that is empty by default has one, and each is as the schema wants it."""
    for name, section in _SCHEMA["properties"].items():
        for key, part in section.get("items", section)["properties"].items():
            examples = part.get("examples", [])
            assert examples or part.get("default") not in ("", []), f"{name}.{key}"
            for example in examples:
                Draft202012Validator(part).validate(example)


@dataclass
class Undocumented:
    """Fields with and without a text under them."""

    first: int = 1
    second: int = 2
    """The second one,
    ``explained``."""
    THIRD = 3
    """No field."""


def test_meanings() -> None:
    """A field without a text has none; lines stay as they are, their indent goes."""
    assert meanings(Undocumented) == {
        "second": "The second one,\n``explained``.",
        "THIRD": "No field.",
    }


def test_without_sources() -> None:
    """Where only compiled files are at hand, no more than meanings is missing."""
    program = (
        "import inspect, json, sys\n"
        "def without(thing): raise OSError('could not get source code')\n"
        "inspect.getsource = without\n"
        "from fer_edge.config_schema import config_schema\n"
        "episodes = config_schema()['properties']['episodes']\n"
        "print(json.dumps(episodes['properties']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert '"hysteresis": {"type": "number"' in done.stdout
    assert "description" not in done.stdout


numbers = st.one_of(
    st.integers(-5, 100_000_000), st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.sampled_from(
    ["", "a", "auto", "haar", "usb", "usb:1", "pci:N", "new", "a\0"]
)
anything: st.SearchStrategy[Any] = st.one_of(
    numbers, st.booleans(), texts, st.lists(texts, max_size=2), st.just({})
)


def _places() -> list[tuple[str, str]]:
    places = []
    for name, section in _SCHEMA["properties"].items():
        keys = section.get("items", section)["properties"]
        places += [(name, key) for key in (*keys, "unknown")]
    return places


@given(place=st.sampled_from(_places()), value=anything)
def test_any_value(place: tuple[str, str], value: Any) -> None:
    """The schema refuses a key exactly where the daemon does."""
    section, key = place
    table: dict[str, Any] = {section: {key: value}}
    if section == "hooks":
        table = {"hooks": [{"command": ["/bin/true"], key: value}]}
    # To JSON Schema 1.0 is a whole number, to TOML and to the daemon it is not.
    assume(not isinstance(value, float) or value != round(value))
    _, mistakes = read(Config, table)
    assert _JUDGE.is_valid(table) == (not mistakes), mistakes
