"""On which line of a TOML file each key stands."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.options import Key
from fer_edge.toml_lines import key_lines

_TEXT = '''# comment with [brackets] and = signs
top = 1

[ a . "b.c" ]   # a section
x.y = [ # a list
  1, # "]
  "]", { z = "}" },
]
s = """
[not.a.section]
no_key = "no"
"""
t = \'\'\'
"""
\'\'\'
[[list]]
[[list]]
one = 1
[list.inner]
two = 2
[[list.deeper]]
three = """\\
   four"""
[a]
"odd \\u00e9" = {p = {q = 1}}
'''

_LINES: dict[Key, int] = {
    ("top",): 2,
    ("a", "b.c"): 4,
    ("a", "b.c", "x"): 5,
    ("a", "b.c", "x", "y"): 5,
    ("a", "b.c", "x", "y", 0): 5,
    ("a", "b.c", "x", "y", 1): 5,
    ("a", "b.c", "x", "y", 2): 5,
    ("a", "b.c", "x", "y", 2, "z"): 5,
    ("a", "b.c", "s"): 9,
    ("a", "b.c", "t"): 13,
    ("list",): 16,
    ("list", 0): 16,
    ("list", 1): 17,
    ("list", 1, "one"): 18,
    ("list", 1, "inner"): 19,
    ("list", 1, "inner", "two"): 20,
    ("list", 1, "deeper"): 21,
    ("list", 1, "deeper", 0): 21,
    ("list", 1, "deeper", 0, "three"): 22,
    ("a",): 24,
    ("a", "odd é"): 25,
    ("a", "odd é", "p"): 25,
    ("a", "odd é", "p", "q"): 25,
}


def test_every_kind_of_statement() -> None:
    """Sections, lists of them, dotted and quoted keys, lists and texts over lines."""
    assert key_lines(_TEXT) == _LINES


def test_line_ends_of_windows() -> None:
    """They are line ends, and nothing else is."""
    assert key_lines(_TEXT.replace("\n", "\r\n")) == _LINES
    assert key_lines("a = '\u2028\x85'\nb = 1")["b",] == 2


def test_no_line() -> None:
    """Without a key there is none; nor is a last line break needed."""
    for text in ("", "\n", "# a = 1", "\n\t \n"):
        assert key_lines(text) == {}
    assert key_lines("\na = 1") == {("a",): 2}


def test_very_long_list() -> None:
    """Behind it lines are unknown, which is better than to wait for them."""
    text = "a = 1\nb = [\n" + "1,\n" * 10_000 + "]\nc = 1\n"
    assert key_lines(text) == {("a",): 1}


names = st.sampled_from(["a", "b", "c-1", "d.e", 'f"', "g h", "é", ""])
scalars = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.text(st.sampled_from("a\"'\\\n[]{}=#é "), max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=2)
    ),
    max_leaves=5,
)
sections = st.dictionaries(names, values, max_size=4)
tables = st.dictionaries(
    names, st.one_of(scalars, sections, st.lists(sections, min_size=1)), max_size=4
)


def _key(name: str, draw: Any) -> str:
    """A name, in one of the ways in which it may be written."""
    ways = [json.dumps(name)]
    if name.replace("-", "").isalnum() and name.isascii():
        ways.append(name)
    if "'" not in name:
        ways.append(f"'{name}'")
    return str(draw(st.sampled_from(ways)))


def _value(value: Any, draw: Any) -> str:
    """A value, in one of the ways in which it may be written, on a line or several."""
    if isinstance(value, str):
        # Two quotes at most stand together in a basic text of several lines.
        escaped = json.dumps(value)[1:-1]
        ways = [f'"{escaped}"', '"""\n' + escaped.replace("\\n", "\n") + '"""']
        if "'" not in value:
            ways.append(f"'''\n{value}'''")
        return str(draw(st.sampled_from(ways)))
    if isinstance(value, list):
        gap = draw(st.sampled_from(["", " ", "\n", " # ] }\n\n"]))
        items = [f"{gap}{_value(item, draw)}{gap}," for item in value]
        return f"[{''.join(items)}{gap}]"
    if isinstance(value, dict):
        pairs = [f"{_key(k, draw)} = {_value(v, draw)}" for k, v in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value)


def _paths(value: Any, at: Key = ()) -> Iterator[Key]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        yield (*at, name)
        if isinstance(part, dict | list):
            yield from _paths(part, (*at, name))


class _Writer:
    """Writes TOML line by line and remembers on which line it wrote what."""

    def __init__(self, draw: Any) -> None:
        self.text = ""
        self.lines: dict[Key, int] = {}
        self._draw = draw

    def write(self, statement: str, *keys: Key) -> None:
        self.text += self._draw(st.sampled_from(["", "\n", " \t", "# [no]\n"]))
        line = self.text.count("\n") + 1
        self.lines |= {key: self.lines.get(key, line) for key in keys}
        comment = self._draw(st.sampled_from(["", " # a = '''"]))
        self.text += f"{statement}{comment}\n"

    def pairs(self, table: dict[str, Any], at: Key) -> None:
        for name, value in table.items():
            here = (*at, name)
            within = _paths(value, here) if isinstance(value, dict | list) else ()
            pair = f"{_key(name, self._draw)} = {_value(value, self._draw)}"
            self.write(pair, here, *within)


@given(table=tables, data=st.data())
def test_any_file(table: dict[str, Any], data: st.DataObject) -> None:
    """All that tomllib reads is found, where it was written."""
    writer = _Writer(data.draw)
    plain = {k: v for k, v in table.items() if not isinstance(v, dict | list)}
    writer.pairs(plain, ())
    for name, value in table.items():
        key = _key(name, data.draw)
        if isinstance(value, dict):
            writer.write(f"[{key}]", (name,))
            writer.pairs(value, (name,))
        elif isinstance(value, list):
            for index, section in enumerate(value):
                writer.write(f"[[ {key} ]]", (name,), (name, index))
                writer.pairs(section, (name, index))
    assert tomllib.loads(writer.text) == table
    assert key_lines(writer.text) == writer.lines
    assert set(writer.lines) == set(_paths(table))
