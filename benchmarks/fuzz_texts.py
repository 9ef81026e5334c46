"""Texts from outside, drawn to do harm, and what reads them: settings and orders."""

import functools
import json
import tomllib
import typing
from dataclasses import fields
from pathlib import Path

from hypothesis import strategies as st

from fer_edge.config import Config, check_config
from fer_edge.controls import Controls
from fer_edge.options import item_of, section_of
from fer_edge.publishers.mqtt.commands import Commands
from fer_edge.publishers.mqtt.connection import Arrived
from fuzz_zips import CHANGES, changed

# ------------------------------------------------------------------- configuration

_TEXTS = st.text(max_size=12) | st.sampled_from(
    ["picamera", "rtsp://u:p@h:99999/", "http://[", "/dev/video0", "0", "\0", "a" * 300]
)


_SHIPPED = Path(__file__).parent.parent / "systemd" / "fer-edge.toml"


def _toml(value: object) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, but that DEL is not one and must be.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        pairs = (f"{_toml(key)} = {_toml(part)}" for key, part in value.items())
        return f"{{{', '.join(pairs)}}}"
    return str(value)


_VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.integers(0, 70_000)
    | st.floats()
    | _TEXTS
    | st.dates()
    .map(str)
    .map(lambda day: type("Bare", (), {"__str__": lambda _: day})()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6), inner, max_size=2)
    ),
    max_leaves=4,
)


@functools.cache
def _sections() -> dict[str, dict[str, object]]:
    """Return the keys of each section with their defaults, by its header."""
    headers = {}
    for name, wanted in typing.get_type_hints(Config).items():
        item = section_of(item_of(wanted))
        if section := section_of(wanted) or item:
            keys = {part.name: part.default for part in fields(section)}
            headers[f"[[{name}]]" if item else f"[{name}]"] = keys
    return headers


@st.composite
def configurations(draw: st.DrawFn) -> bytes:
    """Draw TOML of known and unknown keys, of any values, sometimes damaged."""
    lines = []
    odd = st.sampled_from(["[x.y]", "[[camera]]", "[hooks]"])
    headers = draw(
        st.lists(st.sampled_from(list(_sections())), max_size=4, unique=True)
    )
    if draw(st.integers(0, 4)) == 0:
        headers.append(draw(odd))
    if draw(st.booleans()):
        # Enough to run, so that more than what is missing is complained about.
        lines += ["[camera]", 'source = "0"', "[law]", 'purpose = "testing"']
        headers = [one for one in headers if one not in ("[camera]", "[law]")]
    for header in headers:
        lines.append(header)
        known = _sections().get(header, {"x": 1})
        keys = st.sampled_from(list(known)) | st.text(min_size=1, max_size=6)
        for key in draw(st.lists(keys, max_size=4, unique=True)):
            default = known.get(key)
            kept = isinstance(default, bool | int | float | str)
            value = default if kept and draw(st.booleans()) else draw(_VALUES)
            lines.append(f"{_toml(key)} = {_toml(value)}")
    content = "\n".join(lines).encode(errors="replace")
    return changed(content, draw(CHANGES)) if draw(st.booleans()) else content


def configurations_read(drawn: bytes, folder: Path) -> bool:
    """Check a configuration."""
    path = folder / "fer-edge.toml"
    path.write_bytes(drawn)
    try:
        check_config(path)
    finally:
        path.unlink()
    # What is taken is TOML by the standard library's word, too.
    tomllib.loads(drawn.decode("utf-8-sig"))
    return True


# ------------------------------------------------------------------------ commands

_WORDS = st.sampled_from([b"ON", b"OFF", b"on", b"", b"ON\n", b"\xff", b"O" * 70_000])


def commands() -> st.SearchStrategy[list[Arrived]]:
    """Draw messages to the topics that ``mqtt.commands`` opens."""
    topics = st.sampled_from(["fer/pi/detect/set", "fer/pi/preview/set"])
    message = st.builds(Arrived, topics, _WORDS | st.binary(max_size=60), st.booleans())
    return st.lists(message, max_size=8)


def commands_read(drawn: list[Arrived], _folder: Path) -> bool:
    """Obey messages; a switch stands as the last one that makes sense wants it."""
    controls = Controls(detect=True, preview=False)
    obeyed = Commands("fer/pi", controls)
    wanted = {"fer/pi/detect/set": True, "fer/pi/preview/set": False}
    for message in drawn:
        obeyed.obey(message)
        if message.payload in (b"ON", b"OFF") and not message.retained:
            wanted[message.topic] = message.payload == b"ON"
    assert [controls.detect, controls.preview] == list(wanted.values())
    return True
