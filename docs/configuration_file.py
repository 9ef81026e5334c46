"""systemd/fer-edge.toml: the configuration that is installed, to be filled in."""

import re
import textwrap
from collections.abc import Iterator

from configuration_keys import Key, Section, sections

_WIDTH = 88

_INTRODUCTION = """\
# Configuration of fer-edge. Every key is here with its default, so a line that is
# deleted changes nothing. Two are to be filled in: camera.source and law.purpose. What
# the daemon makes of the file then:
#
#     sudo fer-edge check /etc/fer-edge/fer-edge.toml
#
# An editor that knows JSON Schema completes and checks it by what this prints:
#
#     fer-edge schema configuration
#
# Scores and shares are from 0 to 1. An unknown key is a mistake.
"""


def page() -> str:
    """Return the file."""
    return _INTRODUCTION + "".join(map(_section, sections()))


def _section(section: Section) -> str:
    if section.several:
        return f"\n{_commented(section)}"
    lines = [f"[{section.name}]", *_comment(section.meaning)]
    for key in section.keys:
        lines += ["", *_explained(key)]
    return "\n" + "\n".join(lines) + "\n"


def _commented(section: Section) -> str:
    """Return a section that there need not be, nor is."""
    several = "There may be several such sections, or, as here, none."
    lines = [*_comment(section.meaning), *_comment(several), "#"]
    inside = [f"[[{section.name}]]"]
    for key in section.keys:
        inside += ["", *_explained(key)]
    return "\n".join([*lines, *(f"# {line}".rstrip() for line in inside)]) + "\n"


def _explained(key: Key) -> Iterator[str]:
    yield from _comment(key.meaning)
    rest = [_allowed(key), f"Example: {key.example}" if key.example else ""]
    yield from _comment(" ".join(filter(None, rest)))
    yield f"{key.name} = {key.value}"


def _allowed(key: Key) -> str:
    """Say in a sentence what is allowed, where the value itself does not."""
    if key.kind is bool:
        return ""
    if key.kind is str:
        words = [word for word in key.words if word != '""']
        if words:
            last = " or ".join(words[-2:])
            return f"{', '.join([*words[:-2], last])}."
        return "Not empty." if key.filled else ""
    unit = f" {key.unit}" if key.unit else ""
    whole = ", a whole number" if key.kind is int else ""
    return f"{key.range}{unit}{whole}."


def _comment(text: str) -> Iterator[str]:
    """Write a docstring as a comment; blocks that are indented stay as they are."""
    # A command's words are held together, of a single word it needs no mark.
    text = re.sub("``([^`]+)``", _marked, text)
    for paragraph in filter(None, text.split("\n\n")):
        if paragraph.startswith(" "):
            yield from ("#", *(f"# {line}" for line in paragraph.splitlines()))
        else:
            sentence = re.sub("::$", ":", " ".join(paragraph.split()))
            yield from textwrap.wrap(
                sentence,
                _WIDTH,
                initial_indent="# ",
                subsequent_indent="# ",
                break_long_words=False,
                break_on_hyphens=False,
            )


def _marked(code: re.Match[str]) -> str:
    return f'"{code[1]}"' if re.search(r"\s", code[1]) else code[1]
