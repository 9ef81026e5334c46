"""The pages in docs/: those made from the code are the code's."""

import pytest

from generate import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_made_from_the_code(name: str) -> None:
    """It is as the code makes it; if it is not: make docs."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()
