"""A file from the network: bounded in size and time, by addresses that may be trusted.

Importing this costs some MB, which the daemon would carry about for nothing.
"""

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, BinaryIO

from fer_contract import __version__
from fer_contract.errors import FerError

# Without an answer, or between two pieces of it.
_TIMEOUT_SECONDS = 30.0
_LONGEST_SECONDS = 600.0
"""For all of it: what comes in drops is given up."""
_PIECE = 1 << 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_address(source: str) -> bool:
    """Tell whether a source is an address in the network, not a path."""
    return source.lower().startswith(("http://", "https://"))


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can exchange what an address gives."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def download(
    url: str, stream: BinaryIO, most: int, longest_seconds: float = _LONGEST_SECONDS
) -> int:
    """Fetch what an address gives, by the proxy that the environment names, if any.

    Args:
        url: http or https.
        stream: takes what arrives.
        most: bytes; what is beyond is not asked for.
        longest_seconds: after which it is given up.

    Returns:
        How many bytes arrived.

    Raises:
        FerError: no such address, or it did not answer, or not in time.
        OSError: the stream does not take it.
    """
    until = time.monotonic() + longest_seconds
    count = 0
    try:
        if not is_address(url):
            raise FerError(f"{url}: no address with http:// or https://")
        request = urllib.request.Request(
            url, headers={"User-Agent": f"fer-edge-toolkit/{__version__}"}
        )
        opener = urllib.request.build_opener(_Redirects)
        answer = opener.open(request, timeout=_TIMEOUT_SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise _failed(url, failure) from failure
    with answer:
        while count < most:
            try:
                piece = answer.read1(min(_PIECE, most - count))
            except (OSError, http.client.HTTPException, ValueError) as failure:
                raise _failed(url, failure) from failure
            if not piece:
                break
            stream.write(piece)
            count += len(piece)
            if time.monotonic() > until:
                raise FerError(f"{url}: not all there after {longest_seconds:g} s")
    return count


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows where nobody on the way can have sent it."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not is_address(newurl) or not is_private(newurl):
            fp.close()
            raise FerError(f"{req.full_url}: sends on to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failed(url: str, failure: Exception) -> FerError:
    """Say what went wrong on the way."""
    if isinstance(failure, urllib.error.HTTPError):
        failure.close()
        return FerError(f"{url}: {failure.code} {failure.reason}")
    if isinstance(failure, urllib.error.URLError):
        return FerError(f"{url}: {_reason(failure.reason)}")
    return FerError(f"{url}: {_reason(failure)}")


def _reason(failure: object) -> str:
    """Say what an error of the network was; some of them have no text."""
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return str(failure) or type(failure).__name__
