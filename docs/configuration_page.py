"""configuration.md: every key of the daemon's configuration."""

import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from fer_edge.config import Config
from fer_edge.config_schema import meanings
from fer_edge.options import is_needed, item_of, plain, section_of
from typesetting import MADE, code, prose, table

_UNITS = {
    "_frames_per_second": "frames a second",
    "_seconds": "seconds",
    "_pixels": "pixels",
    "_megabytes": "megabytes",
    "_hours": "hours",
    "_per_minute": "a minute",
}
"""By the end of a key, which tells its unit."""

_INTRODUCTION = """\
# Configuration

`fer-edge run` reads one TOML file. Every key has a default but where it says *needed*;
`camera.source` must name a camera or a recording for the daemon to run.
[systemd/fer-edge.toml](../systemd/fer-edge.toml) is a file with all of them to fill in.

```console
$ fer-edge check fer-edge.toml       # every mistake, with its line and what is allowed
$ fer-edge schema configuration      # JSON Schema, for editors
$ kill -HUP PID                      # reads the file anew
```

**Reload** says what SIGHUP does with a key that has changed: it holds *at once*, or
from the next *restart* on, as the daemon's log says too. A file with a mistake changes
nothing.
"""


def page() -> str:
    """Return the page."""
    types = typing.get_type_hints(Config)
    return (
        MADE
        + _INTRODUCTION
        + "".join(_section(part.name, types[part.name]) for part in fields(Config))
    )


def _section(name: str, wanted: object) -> str:
    item = section_of(item_of(wanted))
    kind = item or section_of(wanted)
    if kind is None:
        raise TypeError(f"{name}: neither a section nor an array of them")
    title = f"[[{name}]]" if item else f"[{name}]"
    several = "\nAs many sections as wanted, or none.\n" if item else ""
    heads = ("key", "default", "allowed", "unit", "reload", "meaning")
    # An array of tables is compared as a whole, and waits for a restart.
    rows = _rows(kind, reloads=item is None)
    return f"\n## {code(title)}\n{several}\n{table(heads, rows)}"


def _rows(kind: type, *, reloads: bool) -> Iterator[tuple[str, ...]]:
    types, texts = typing.get_type_hints(kind), meanings(kind)
    for part in fields(kind):
        live = reloads and part.metadata["live"]
        yield (
            code(part.name),
            "*needed*" if is_needed(part) else code(_default(part)),
            _allowed(types[part.name], part.metadata),
            _unit(part.name),
            "at once" if live else "restart",
            prose(texts[part.name]),
        )


def _default(part: "Field[Any]") -> str:
    default = part.default if part.default is not MISSING else ()
    value = list(default) if isinstance(default, tuple) else default
    return json.dumps(value)


def _allowed(wanted: object, limits: Mapping[str, Any]) -> str:
    filled = ", not empty" if limits["filled"] else ""
    if item := item_of(wanted):
        words = _allowed(item, {**limits, "filled": False})
        return f"list{filled}, of: {words}"
    if wanted is bool:
        return "`true`, `false`"
    if wanted is str:
        words = limits["one_of"] or limits["forms"]
        return ", ".join(code(json.dumps(word)) for word in words) or f"text{filled}"
    kind = "whole, " if wanted is int else ""
    return f"{kind}{plain(limits['low'])} to {plain(limits['high'])}"


def _unit(key: str) -> str:
    return next((unit for end, unit in _UNITS.items() if f"_{key}".endswith(end)), "")
