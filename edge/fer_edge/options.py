"""Settings as frozen dataclasses: default, range and meaning stand together once."""

import difflib
import re
import typing
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, TypeVar

Settings = TypeVar("Settings")


def option(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    one_of: tuple[str, ...] = (),
    forms: tuple[str, ...] = (),
    filled: bool = False,
) -> Any:
    """Declare a setting.

    Args:
        default: its value where the configuration is silent.
        low: least number allowed.
        high: greatest number allowed.
        one_of: the only words allowed.
        forms: the only texts allowed, in which N is any whole number.
        filled: a text that must not be empty.
    """
    limits = {
        "low": low,
        "high": high,
        "one_of": one_of,
        "forms": forms,
        "filled": filled,
    }
    return field(default=default, metadata=limits)


def read(kind: type[Settings], table: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Build settings from a parsed table, finding all mistakes at once.

    Args:
        kind: a settings dataclass; a field that is one itself is a section.
        table: as ``tomllib`` parses it.

    Returns:
        The settings, with defaults where the table is silent or mistaken, and a line
        a mistake: key, value seen, what is allowed.
    """
    mistakes: list[str] = []
    settings = _read(kind, table, "", mistakes)
    return settings, mistakes


def _read(
    kind: type[Settings], table: Mapping[str, Any], prefix: str, mistakes: list[str]
) -> Settings:
    types = typing.get_type_hints(kind)
    known = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            mistakes.append(f"{prefix}{key}: unknown key{hint}")
    values: dict[str, Any] = {}
    for name, part in known.items():
        if name not in table:
            continue
        value, wanted = table[name], types[name]
        if is_dataclass(wanted) and isinstance(wanted, type):
            if isinstance(value, Mapping):
                values[name] = _read(wanted, value, f"{prefix}{name}.", mistakes)
            else:
                mistakes.append(f"{prefix}{name}: {value!r}; a section is wanted")
            continue
        complaint = _complaint(value, wanted, part.metadata)
        if complaint:
            mistakes.append(f"{prefix}{name}: {value!r}; {complaint}")
        else:
            values[name] = float(value) if wanted is float else value
    # A mistaken required setting has no default to fall back on.
    for name, part in known.items():
        no_default = part.default is MISSING and part.default_factory is MISSING
        if name not in values and no_default:
            if name not in table:
                mistakes.append(f"{prefix}{name}: missing")
            values[name] = None
    return kind(**values)


def _complaint(value: Any, wanted: object, limits: Mapping[str, Any]) -> str | None:
    """Say what is allowed, or None if the value is."""
    if wanted is str:
        if not isinstance(value, str):
            return "a text in quotes is wanted"
        words = limits.get("one_of", ())
        if words and value not in words:
            return f"allowed are {', '.join(words)}"
        forms = limits.get("forms", ())
        if forms and not any(_has_form(value, form) for form in forms):
            return f"allowed are {', '.join(map(repr, forms))}"
        if limits.get("filled") and not value:
            return "a text that is not empty is wanted"
        return None
    if wanted is bool:
        return None if isinstance(value, bool) else "true or false is wanted"
    whole = wanted is int
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return "a whole number is wanted" if whole else "a number is wanted"
    low, high = limits["low"], limits["high"]
    # Written so that a NaN fails it.
    if not low <= value <= high:
        return f"allowed is {low:g} to {high:g}"
    return None


def _has_form(text: str, form: str) -> bool:
    pattern = re.escape(form).replace("N", "[0-9]+")
    return re.fullmatch(pattern, text) is not None
