"""configuration.md: every key of the daemon's configuration, as tables."""

from configuration_keys import Key, Section, sections
from typesetting import MADE, code, prose, table

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
_HEADS = ("key", "default", "allowed", "unit", "reload", "meaning")


def page() -> str:
    """Return the page."""
    return MADE + _INTRODUCTION + "".join(map(_section, sections()))


def _section(section: Section) -> str:
    name = f"[[{section.name}]]" if section.several else f"[{section.name}]"
    several = "As many sections as wanted, or none.\n\n" if section.several else ""
    meaning = section.meaning.replace("``", "`").replace("::\n", ":\n")
    rows = table(_HEADS, map(_row, section.keys))
    return f"\n## {code(name)}\n\n{meaning}\n\n{several}{rows}"


def _row(key: Key) -> tuple[str, ...]:
    return (
        code(key.name),
        "*needed*" if key.needed else code(key.value),
        _allowed(key),
        key.unit,
        "at once" if key.live else "restart",
        prose(key.meaning),
    )


def _allowed(key: Key) -> str:
    if key.kind is bool:
        return "`true`, `false`"
    filled = ", not empty" if key.filled else ""
    if key.kind is str:
        words = ", ".join(map(code, key.words))
        if key.several:
            return f"list{filled}, of: {words or 'text'}"
        return words or f"text{filled}"
    return f"whole, {key.range}" if key.kind is int else key.range
