"""Write what is made from the code for people to read; ``make docs``.

    python docs/generate.py

A fact stands in the code, where a test holds it; the page only shows it. That the pages
are those of the code is for tests/test_docs.py to say.
"""

from collections.abc import Callable
from pathlib import Path

import configuration_file
import configuration_page
import edgetpu_page
import events_page

ROOT = Path(__file__).resolve().parent.parent

PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": configuration_page.page,
    "docs/events.md": events_page.page,
    "docs/edgetpu-rules.md": edgetpu_page.page,
    "systemd/fer-edge.toml": configuration_file.page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
