"""On which line of a TOML file each key stands; ``tomllib`` does not tell."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fer_edge.options import Key

_MOST_LINES = 500
"""Of one statement. Each further line has all before it parsed again."""


def key_lines(text: str) -> dict[Key, int]:
    """Return the line, from 1, of every key, section and list item of a TOML text.

    What stands in a list or an inline table has the line on which its statement begins.

    TOML is a sequence of statements, ``[section]``, ``[[section]]`` or ``key = value``,
    each of which is TOML by itself; and the lines of one are not, before the last is
    there, as only an open list or text goes on behind a line's end. So it is tomllib
    that finds the statements and spells the keys, and no second parser is needed.

    Args:
        text: TOML without a mistake. Else, and behind a very long statement, lines are
            missing.
    """
    lines: dict[Key, int] = {}
    sections: Counter[Key] = Counter()
    """How many there are of each ``[[section]]``."""
    header: Key = ()
    for number, statement, table in _statements(text):
        if statement.lstrip(" \t").startswith("["):
            header = _enter(table, sections)
            # A section may be implied by one inside of it that stands before it.
            lines[header] = number
            for depth in range(1, len(header)):
                lines.setdefault(header[:depth], number)
        else:
            for key in _keys_within(table):
                lines.setdefault((*header, *key), number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield the line on which each statement begins, the statement, and its table."""
    statement, begun = "", 1
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not statement:
            begun = number
        statement += f"{line}\n"
        try:
            table = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if number - begun >= _MOST_LINES:
                return
            continue
        if table:
            yield begun, statement, table
        statement = ""


def _enter(table: Mapping[str, Any], sections: Counter[Key]) -> Key:
    """Return the place that a header opens, all lists on its way at their last item."""
    place: Key = ()
    inside: Any = table
    while inside:
        ((name, inside),) = inside.items()
        place = (*place, name)
        if isinstance(inside, list):
            sections[place] += 1
            inside = None
        if sections[place]:
            place = (*place, sections[place] - 1)
    return place


def _keys_within(value: object, at: Key = ()) -> Iterator[Key]:
    if isinstance(value, dict):
        parts: list[tuple[str | int, object]] = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    else:
        return
    for name, part in parts:
        yield (*at, name)
        yield from _keys_within(part, (*at, name))
