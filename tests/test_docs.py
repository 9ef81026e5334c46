"""What is made from the code is the code's, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from commands import complaint, examples
from fer_edge.config import check_config
from generate import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_page_made_from_the_code(name: str) -> None:
    """It is as the code makes it; if it is not: make docs."""
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name]()


def test_quotes_of_the_configuration() -> None:
    """What a comment sets in quotes begins and ends with them."""
    page = PAGES["systemd/fer-edge.toml"]()
    for comment in re.findall("^# .*(?:\n# .*)*", page, re.MULTILINE):
        words = comment.split('"')
        assert len(words) % 2, comment
        assert all(word == word.strip() for word in words[1::2]), comment


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


_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_commands(page: Path) -> None:
    """What a page says to type is taken by the command."""
    text = page.read_text(encoding="utf-8")
    typed = [
        line
        for block in _CONSOLE.findall(text)
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("$ ")
    ]
    shown = examples("\n".join(typed))
    assert {line: complaint(line) for line in shown if complaint(line)} == {}


_TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_configurations(page: Path, tmp_path: Path) -> None:
    """What a page says to write into the configuration is taken."""
    for block in _TOML.findall(page.read_text(encoding="utf-8")):
        path = tmp_path / "fer-edge.toml"
        path.write_text(f'law.purpose = "testing"\ncamera.source = "0"\n{block}')
        check_config(path)


def test_readme_is_short() -> None:
    """It is read in ten minutes, at 230 words a minute; more is for docs/ to say."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.split()) <= 2300
