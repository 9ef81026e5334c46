"""Harmful inputs, a few of each kind; ``benchmarks/fuzz.py`` tries them for minutes."""

from pathlib import Path

import pytest
from hypothesis import strategies as st

from fer_contract.errors import FerError
from fuzz import TARGETS, Target, fuzz
from fuzz_zips import changed


@pytest.mark.parametrize(
    ("name", "examples"),
    [
        ("images", 150),
        ("bundles", 100),
        ("models", 4),
        ("configurations", 150),
        ("commands", 100),
    ],
)
def test_harmful_inputs(name: str, examples: int) -> None:
    """They are taken or refused in a line, soon, and nothing is left behind."""
    seen = fuzz(TARGETS[name], examples=examples, start=0)
    assert sum(seen.values()) > examples / 2
    assert seen["taken"], "what is drawn is refused without a look"


def _raises(_drawn: int, _folder: Path) -> bool:
    raise KeyError("mistake")


class ChattyError(FerError):
    """Says more than a line."""

    def __str__(self) -> str:
        return "one\ntwo"


def _says_two_lines(_drawn: int, _folder: Path) -> bool:
    raise ChattyError


def _writes_outside(_drawn: int, folder: Path) -> bool:
    (folder.parent / "stray").touch()
    return True


def _hangs(_drawn: int, _folder: Path) -> bool:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (_raises, "mistake"),
        (_says_two_lines, "two"),
        (_writes_outside, "left behind"),
        (_hangs, "does not come to an end"),
    ],
)
def test_mistakes_are_seen(read: object, what: str) -> None:
    """A reader that fails in one of the ways that count is found out."""
    target = Target(st.integers(0, 3), read)  # type: ignore[arg-type]
    with pytest.raises((AssertionError, KeyError), match=what):
        fuzz(target, examples=5, start=0, seconds=0.2 if read is _hangs else 60.0)


def test_changes_of_a_content() -> None:
    """A piece is replaced where it is said."""
    assert changed(b"abcdef", [(0.5, 2, b"XYZ")]) == b"abcXYZf"
    assert changed(b"", [(1.0, 9, b"x")]) == b"x"
