"""Write the pages of this folder that are made from the code; ``make docs``.

    python docs/generate.py

A fact stands in the code, where a test holds it; the page only shows it. That the pages
here are those of the code is for tests/test_docs.py to say.
"""

from collections.abc import Callable
from pathlib import Path

import configuration_page
import edgetpu_page
import events_page

FOLDER = Path(__file__).resolve().parent

PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration_page.page,
    "events.md": events_page.page,
    "edgetpu-rules.md": edgetpu_page.page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
