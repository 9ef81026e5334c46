"""What is made from the code is the code's, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from generate import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_page_made_from_the_code(name: str) -> None:
    """It is as the code makes it; if it is not: make docs."""
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name]()


_WRITTEN = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")})
_LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)\)")


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """A file that a page leads to is there, and holds what the page names in it."""
    for text, target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path = page.parent / target
        assert path.exists(), target
        named = re.fullmatch(r"`(\w+)`", text)
        if named and path.suffix == ".py":
            declared = rf"^(class|def) {named[1]}\b"
            source = path.read_text(encoding="utf-8")
            assert re.search(declared, source, re.MULTILINE), f"{text} in {target}"
