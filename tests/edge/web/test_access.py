"""Who may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.web.access import Access, is_foreign

_TOKEN = "a-token-of-24-characters"
_OPEN, _CLOSED = Access(None), Access(_TOKEN)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80"],
)
def test_host_of_loopback(host: str) -> None:
    """However this machine calls itself, it is let in."""
    assert _OPEN.allows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8080", "localhost.evil.example",
        "127.0.0.1.evil.example", "192.168.1.20:8080", "[2001:db8::1]:80", "[", ":",
        "0.0.0.0",
    ],
)  # fmt: skip
def test_host_of_dns_rebinding(host: str | None) -> None:
    """A name that is not loopback's was made to lead here by somebody else."""
    assert not _OPEN.allows_host(host)


def test_any_host_with_a_token() -> None:
    """A token holds, whatever name led here."""
    assert _CLOSED.allows_host("pi.local")


def test_right_token() -> None:
    """It may come in a header, and its cookie instead of it."""
    assert _CLOSED.admits(f"Bearer {_TOKEN}", None)
    assert _CLOSED.admits(f"bearer  {_TOKEN} ", None)
    assert _CLOSED.admits(None, _CLOSED.cookie)
    assert _CLOSED.knows(_TOKEN)
    assert _TOKEN not in _CLOSED.cookie


@given(st.text())
def test_wrong_token(given: str) -> None:
    """Nothing else lets in, in whatever place."""
    if given.strip() == _TOKEN or given == _CLOSED.cookie:
        return
    assert not _CLOSED.knows(given)
    assert not _CLOSED.admits(given, given)
    assert not _CLOSED.admits(f"Bearer {given}", None)
    assert not _CLOSED.admits(f"Basic {_TOKEN}", None)


def test_bytes_that_are_no_text() -> None:
    """As a header may hold them; they are wrong, and no failure."""
    assert not _CLOSED.admits("Bearer \udcff\udcfe", "\udcff")


def test_cookie_of_another_token() -> None:
    """A new token locks out whoever came by the old one."""
    assert Access("another-token-entirely").cookie != _CLOSED.cookie


def test_without_token() -> None:
    """All are let in, and nothing is a token."""
    assert _OPEN.admits(None, None)
    assert not _OPEN.knows("")


@pytest.mark.parametrize(
    ("site", "mode", "foreign"),
    [
        (None, None, False),
        ("none", "navigate", False),
        ("same-origin", "cors", False),
        ("cross-site", "navigate", False),
        ("cross-site", "no-cors", True),
        ("same-site", "no-cors", True),
        ("cross-site", None, True),
    ],
)
def test_other_sites_page(site: str | None, mode: str | None, foreign: bool) -> None:
    """It may link here, and not fetch anything behind the back of its reader."""
    assert is_foreign(site, mode) == foreign
