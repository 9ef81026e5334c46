"""What the code says of each key of the configuration, for the pages to set."""

import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from inspect import cleandoc
from typing import Any

from fer_edge.config import Config
from fer_edge.meanings import meanings
from fer_edge.options import is_needed, item_of, plain, section_of

_UNITS = {
    "_frames_per_second": "frames a second",
    "_seconds": "seconds",
    "_pixels": "pixels",
    "_width": "pixels",
    "_height": "pixels",
    "_rotation": "degrees",
    "_megabytes": "megabytes",
    "_hours": "hours",
    "_per_minute": "a minute",
}
"""By the end of a key, which tells its unit."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    name: str
    needed: bool
    value: str
    """Its default in TOML, or its example where it has none."""
    example: str
    """In TOML; empty where there is none, or it is the value."""
    words: tuple[str, ...]
    """All texts allowed, in TOML; empty where they are not counted."""
    range: str
    """Least and greatest number."""
    unit: str
    kind: object
    """Type, of a list that of its items."""
    several: bool
    """Whether it is a list."""
    filled: bool
    """Whether it must not be empty."""
    live: bool
    """Whether a reload applies it."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section."""

    name: str
    several: bool
    """Whether there may be more than one, or none."""
    meaning: str
    keys: tuple[Key, ...]


def sections() -> Iterator[Section]:
    """Yield all sections in the order of the code."""
    types = typing.get_type_hints(Config)
    for part in fields(Config):
        item = section_of(item_of(types[part.name]))
        kind = item or section_of(types[part.name])
        if kind is None:
            raise TypeError(f"{part.name}: neither a section nor an array of them")
        meaning = cleandoc(kind.__doc__ or "")
        # An array of tables is compared as a whole, and waits for a restart.
        keys = tuple(_keys(kind, reloads=item is None))
        yield Section(part.name, item is not None, meaning, keys)


def _keys(kind: type, *, reloads: bool) -> Iterator[Key]:
    types, texts = typing.get_type_hints(kind), meanings(kind)
    for part in fields(kind):
        limits, item = part.metadata, item_of(types[part.name])
        needed, example = is_needed(part), _toml(limits["example"])
        yield Key(
            name=part.name,
            needed=needed,
            value=example if needed else _toml(_default(part)),
            example="" if needed else example,
            words=tuple(map(_toml, limits["one_of"] or limits["forms"])),
            range=_range(limits),
            unit=next((_UNITS[end] for end in _UNITS if _ends(part.name, end)), ""),
            kind=item or types[part.name],
            several=item is not None,
            filled=limits["filled"],
            live=reloads and limits["live"],
            meaning=texts[part.name],
        )


def _default(part: "Field[Any]") -> Any:
    return part.default if part.default is not MISSING else ()


def _toml(value: object) -> str:
    """Write a value; of those that there are, JSON's are TOML's, too."""
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _range(limits: Mapping[str, Any]) -> str:
    if limits["low"] is None:
        return ""
    return f"{plain(limits['low'])} to {plain(limits['high'])}"


def _ends(key: str, end: str) -> bool:
    return f"_{key}".endswith(end)
