"""Who may ask: by the token, or on loopback by the name that was asked for."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """Judges requests; holds nothing of them."""

    token: str | None
    """None is only for loopback."""

    def allows_host(self, host: str | None) -> bool:
        """Tell whether a ``Host`` header names this server.

        A web page elsewhere may have its own name resolve to 127.0.0.1 (DNS
        rebinding); its requests then name that page. Whoever brings a token may have
        reached us by any name.
        """
        if self.token is not None:
            return True
        name = _without_port(host or "")
        return name == "localhost" or _is_loopback(name)

    def knows(self, token: str) -> bool:
        """Tell whether this is the token, without the time telling how much of it is.

        Without a token nothing is.
        """
        return self.token is not None and _same(token, self.token)

    def admits(self, authorization: str | None, cookie: str | None) -> bool:
        """Tell whether a request may have an answer.

        Args:
            authorization: its header, ``Bearer`` and the token.
            cookie: the one that was given for the token.
        """
        if self.token is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(given.strip()):
            return True
        return cookie is not None and _same(cookie, self.cookie)

    @property
    def cookie(self) -> str:
        """What a browser keeps instead of the token, which it does not tell."""
        key = (self.token or "").encode()
        return hmac.new(key, b"fer-edge cookie", hashlib.sha256).hexdigest()


def is_foreign(site: str | None, mode: str | None) -> bool:
    """Tell whether another web site's page asks, behind the back of its reader.

    Args:
        site: the header ``Sec-Fetch-Site``, which browsers send.
        mode: the header ``Sec-Fetch-Mode``; ``navigate`` is a link that is followed.
    """
    return site not in (None, "same-origin", "none") and mode != "navigate"


def _same(given: str, wanted: str) -> bool:
    # In bytes: compare_digest refuses text beyond ASCII. A header that was no UTF-8
    # holds surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode())


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
