"""The two pages, each one file with its style and script in it, nothing from elsewhere.

The browser runs no other script than the one in the file, whatever might get into the
page: the policy that goes with it names that script by its digest.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its content security policy."""

    text: str
    policy: str


def read_page(name: str) -> Page:
    """Return a page of the package."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    sources = {
        f"{kind}-src": _digests(tag, text)
        for kind, tag in (("script", "script"), ("style", "style"))
    }
    rules = {
        "default-src": "'none'",
        **sources,
        # The picture comes in the stream, the icon stands in the page.
        "img-src": "data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return Page(text, "; ".join(f"{key} {value}" for key, value in rules.items()))


def _digests(tag: str, text: str) -> str:
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digests = [hashlib.sha256(body.encode()).digest() for body in bodies]
    sources = [f"'sha256-{base64.b64encode(one).decode()}'" for one in digests]
    return " ".join(sources) or "'none'"
