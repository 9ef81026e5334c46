"""The JSON Schema of the configuration, by which an editor completes and checks it."""

import inspect
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from fer_edge.config import Config
from fer_edge.meanings import meanings, unmarked
from fer_edge.options import is_needed, item_of, pattern_of, section_of

_WITHOUT_NUL = r"^[^\u0000]*$"


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) that every good configuration meets.

    It says of one key what the daemon allows. What joins several is left to
    ``fer-edge check``.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:fer-edge:configuration:1",
        "title": "Configuration of fer-edge",
        **_section(Config),
    }


def _section(kind: type) -> dict[str, Any]:
    types, texts = typing.get_type_hints(kind), meanings(kind)
    needed = [part.name for part in fields(kind) if is_needed(part)]
    properties = {}
    for part in fields(kind):
        properties[part.name] = _part(part, types[part.name])
        if part.name in texts:
            properties[part.name]["description"] = unmarked(texts[part.name])
    schema = {
        "type": "object",
        "description": unmarked(inspect.getdoc(kind) or ""),
        "properties": properties,
        "additionalProperties": False,
    }
    return schema | ({"required": needed} if needed else {})


def _part(part: "Field[Any]", wanted: object) -> dict[str, Any]:
    if section := section_of(wanted):
        return _section(section)
    item = item_of(wanted)
    if section := section_of(item):
        return {"type": "array", "items": _section(section)}
    limits = part.metadata
    if item:
        schema: dict[str, Any] = {
            "type": "array",
            "items": _value(item, {**limits, "filled": False}),
        }
        schema |= {"minItems": 1} if limits["filled"] else {}
    else:
        schema = _value(wanted, limits)
    if part.default is not MISSING:
        schema["default"] = list(part.default) if item else part.default
    if example := limits["example"]:
        schema["examples"] = [list(example) if item else example]
    return schema


def _value(wanted: object, limits: Mapping[str, Any]) -> dict[str, Any]:
    if wanted is bool:
        return {"type": "boolean"}
    if wanted is not str:
        kind = "integer" if wanted is int else "number"
        return {"type": kind, "minimum": limits["low"], "maximum": limits["high"]}
    if words := limits["one_of"]:
        return {"enum": list(words)}
    if forms := limits["forms"]:
        return {"type": "string", "pattern": f"^({'|'.join(map(pattern_of, forms))})$"}
    schema: dict[str, Any] = {"type": "string", "pattern": _WITHOUT_NUL}
    return schema | ({"minLength": 1} if limits["filled"] else {})
