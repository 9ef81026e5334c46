"""The lines that errors print, as a set: every place that raises one is looked at."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_PACKAGES = (
    "contract/fer_contract",
    "trainer/fer_trainer",
    "converter/fer_converter",
    "edge/fer_edge",
)


def _trees(repository: Path) -> dict[Path, ast.Module]:
    files = (file for name in _PACKAGES for file in (repository / name).rglob("*.py"))
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


def _family(trees: dict[Path, ast.Module]) -> set[str]:
    """Names of FerError and all that is derived from it, at any distance."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    family = {"FerError"}
    while more := {name for name in bases if bases[name] & family} - family:
        family |= more
    return family


def _messages(repository: Path) -> Iterator[tuple[str, str]]:
    """Where a message of the family is, and it, each value in it as ``{}``."""
    trees = _trees(repository)
    family = _family(trees)
    for file, tree in trees.items():
        for node in ast.walk(tree):
            match node:
                case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[first, *_])):
                    if name in family and (text := _text(first)):
                        yield f"{file.relative_to(repository)}:{node.lineno}", text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}"
            for part in node.values
        )
    return ""


def test_messages(repository: Path) -> None:
    """Each is one line, without a full stop or a call at its end."""
    found = dict(_messages(repository))
    assert len(found) > 200
    good = re.compile(r"[^\s].*[^.!\s]")
    odd = {place: text for place, text in found.items() if not good.fullmatch(text)}
    assert odd == {}


def test_one_word_for_one_thing(repository: Path) -> None:
    """What is in the way is already there, in these words and this order."""
    other = re.compile(r"there already|is already there|exists;")
    assert [at for at, text in _messages(repository) if other.search(text)] == []
