"""Settings as frozen dataclasses: default, range and meaning stand together once.

The text under a field is its meaning, the docstring of the class that of its section;
the file that is installed, the page in docs/ and the schema are made from them.
"""

import difflib
import json
import re
import typing
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any, TypeVar

Settings = TypeVar("Settings")

Key = tuple[str | int, ...]
"""Where something stands: names of sections and keys, and numbers of list items."""

_WIDEST_VALUE = 80
"""Characters of a mistaken value that are shown."""


def option(
    default: Any = MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    one_of: tuple[str, ...] = (),
    forms: tuple[str, ...] = (),
    filled: bool = False,
    live: bool = False,
    example: str | tuple[str, ...] | None = None,
) -> Any:
    """Declare a setting: a text, a switch, a number, or a tuple of texts.

    Args:
        default: its value where the configuration is silent; without it, one is needed.
        low: least number allowed.
        high: greatest number allowed.
        one_of: the only words allowed.
        forms: the only texts allowed, in which N is any whole number.
        filled: a text or list that must not be empty.
        live: a reload applies it to a daemon that runs. No rule may join it with a
            key that is not: the file would be good, and what runs would not be.
        example: a value, where the default shows nobody what one looks like.
    """
    limits = {
        "low": low,
        "high": high,
        "one_of": one_of,
        "forms": forms,
        "filled": filled,
        "live": live,
        "example": example,
    }
    return field(default=default, metadata=limits)


def read(kind: type[Settings], table: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Build settings from a parsed table, finding all mistakes at once.

    Args:
        kind: a settings dataclass; a field that is one itself is a section, and one
            that is a tuple of them is an array of tables.
        table: as ``tomllib`` parses it.

    Returns:
        The settings, with defaults where the table is silent or mistaken, and a line
        a mistake: key, value seen, what is allowed.
    """
    mistakes: list[str] = []
    settings = _read(kind, table, (), _homes(kind), mistakes)
    return settings, mistakes


def section_of(wanted: object) -> type | None:
    """Return the settings dataclass that a field's type is, if it is a section."""
    return wanted if isinstance(wanted, type) and is_dataclass(wanted) else None


def item_of(wanted: object) -> Any:
    """Return X of a field's type ``tuple[X, ...]``; None if it is another type."""
    return typing.get_args(wanted)[0] if typing.get_origin(wanted) is tuple else None


def is_needed(part: "Field[Any]") -> bool:
    """Tell whether a field has no default."""
    return part.default is MISSING and part.default_factory is MISSING


def spelled(key: Key) -> str:
    """Write a key as TOML does, and the number of a list item in brackets."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            name = part if bare else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def key_of(line: str) -> str:
    """Return the key that a line about a mistake begins with."""
    # A key in quotes may hold a colon itself.
    found = re.match(r'(?:"(?:\\.|[^"\\])*"|[^":])*(?=: )', line)
    return found[0] if found else ""


def plain(number: float) -> str:
    """Write a bound as people do, without an exponent."""
    return f"{number:.0f}" if number == round(number) else f"{number:g}"


def has_form(text: str, form: str) -> bool:
    """Tell whether a text has a form in which N is any whole number."""
    return re.fullmatch(pattern_of(form), text) is not None


def pattern_of(form: str) -> str:
    """Return the regular expression of a form."""
    return re.escape(form).replace("N", "[0-9]+")


def _read(
    kind: type[Settings],
    table: Mapping[str, Any],
    at: Key,
    homes: Mapping[str, Sequence[str]],
    mistakes: list[str],
) -> Settings:
    types = typing.get_type_hints(kind)
    known = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]
    mistakes += [
        f"{spelled((*at, key))}: unknown key{_hint(key, list(known), homes)}"
        for key in table
        if key not in known
    ]
    values: dict[str, Any] = {}
    for name, part in known.items():
        if is_needed(part):
            # If it is mistaken, there is no default to fall back on.
            values[name] = None
        key, wanted = (*at, name), types[name]
        if name not in table:
            if is_needed(part):
                mistakes.append(f"{spelled(key)}: missing")
            continue
        value, item = table[name], item_of(wanted)
        if section := section_of(wanted):
            if isinstance(value, Mapping):
                values[name] = _read(section, value, key, homes, mistakes)
            else:
                mistakes.append(_line(key, value, "a section is wanted"))
        elif section := section_of(item):
            if isinstance(value, list) and all(isinstance(v, Mapping) for v in value):
                values[name] = tuple(
                    _read(section, each, (*key, index), homes, mistakes)
                    for index, each in enumerate(value)
                )
            else:
                sections = f"sections [[{name}]], in two brackets, are wanted"
                mistakes.append(_line(key, value, sections))
        elif item:
            found = _mistakes_of_list(key, value, item, part.metadata)
            mistakes += found
            if not found:
                values[name] = tuple(value)
        elif complaint := _complaint(value, wanted, part.metadata):
            mistakes.append(_line(key, value, complaint))
        else:
            values[name] = float(value) if wanted is float else value
    return kind(**values)


def _line(key: Key, value: object, complaint: str) -> str:
    return f"{spelled(key)}: {_shown(value)}; {complaint}"


def _mistakes_of_list(
    key: Key, value: object, item: object, limits: Mapping[str, Any]
) -> list[str]:
    if not isinstance(value, list):
        return [_line(key, value, "a list in brackets is wanted")]
    if limits["filled"] and not value:
        return [_line(key, value, "a list that is not empty is wanted")]
    limits = {**limits, "filled": False}
    return [
        _line((*key, index), each, complaint)
        for index, each in enumerate(value)
        if (complaint := _complaint(each, item, limits))
    ]


def _complaint(value: Any, wanted: object, limits: Mapping[str, Any]) -> str | None:
    """Say what is allowed, or None if the value is."""
    if wanted is str:
        if not isinstance(value, str):
            return "a text in quotes is wanted"
        if limits["one_of"] and value not in limits["one_of"]:
            return f"allowed are {', '.join(filter(None, limits['one_of']))}"
        forms = limits["forms"]
        if forms and not any(has_form(value, form) for form in forms):
            return f"allowed are {', '.join(map(repr, forms))}"
        if limits["filled"] and not value:
            return "a text that is not empty is wanted"
        # The system takes no path and no argument with one.
        return "a text without NUL is wanted" if "\0" in value else None
    if wanted is bool:
        return None if isinstance(value, bool) else "true or false is wanted"
    whole = wanted is int
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return "a whole number is wanted" if whole else "a number is wanted"
    low, high = limits["low"], limits["high"]
    # Written so that a NaN fails it.
    if not low <= value <= high:
        return f"allowed is {plain(low)} to {plain(high)}"
    return None


def _homes(kind: type) -> dict[str, list[str]]:
    """Return the sections in which each key is known."""
    homes = defaultdict(list)
    for name, wanted in typing.get_type_hints(kind).items():
        item = section_of(item_of(wanted))
        if section := section_of(wanted) or item:
            for part in fields(section):
                homes[part.name].append(f"[[{name}]]" if item else f"[{name}]")
    return homes


def _hint(key: str, known: Sequence[str], homes: Mapping[str, Sequence[str]]) -> str:
    """Guess what an unknown key should have been."""
    if key in homes:
        return f"; it belongs into {' or '.join(homes[key])}"
    if near := difflib.get_close_matches(key, known, n=1):
        return f"; did you mean {near[0]}?"
    if near := difflib.get_close_matches(key, homes, n=1):
        return f"; did you mean {near[0]} in {' or '.join(homes[near[0]])}?"
    return ""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "an enormous number"
    return text if len(text) <= _WIDEST_VALUE else f"{text[:_WIDEST_VALUE]}…"
