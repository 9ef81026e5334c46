"""The little of Markdown that the pages need."""

from collections.abc import Iterable, Sequence

MADE = "<!-- Made from the code by `make docs`; change it there. -->\n\n"


def code(text: object) -> str:
    """Set a word as code."""
    return f"`{text}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, in which a bar is no border of a cell."""
    lines = [_row(heads), "|---" * len(heads) + "|"]
    lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def prose(text: str) -> str:
    """Bring a docstring on one line, its code set as Markdown does."""
    return " ".join(text.split()).replace("``", "`")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
