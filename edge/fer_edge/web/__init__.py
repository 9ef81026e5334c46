"""Health, metrics and a live page over HTTP; off unless a port is given.

Nothing heavy is imported here: a configuration has these settings even where no server
is ever started.
"""

import ipaddress
import re
from dataclasses import dataclass

from fer_edge.credentials import HTTP_TOKEN, SECRETS, read_secret
from fer_edge.errors import ConfigurationError
from fer_edge.options import option

_VARIABLE = SECRETS[HTTP_TOKEN]

# What RFC 6750 lets follow "Bearer ", and long enough that nobody guesses it.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,256}=*")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The live page, the health checks and the metrics.

    What is where::

        http://127.0.0.1:8080/         the page: faces, emotions, events
        http://127.0.0.1:8080/healthz  200, or 503 with what is wrong
        http://127.0.0.1:8080/readyz   200 from the first frame on
        http://127.0.0.1:8080/metrics  for Prometheus
    """

    port: int = option(0, low=0, high=65535)
    """Port to listen on, as 8080; 0 is off."""
    bind: str = option("127.0.0.1", filled=True)
    """IP address to listen on: "127.0.0.1" for this machine alone, "0.0.0.0" or "::"
    for everybody who reaches it, which needs a token."""
    token_file: str = option("", example="/etc/fer-edge/http-token")
    """Path of a file with the token that every request must bring, as "Authorization:
    Bearer TOKEN", or once as ``http://.../?token=TOKEN`` or in the form that the page
    shows. Empty for the service's own (``sudo fer-edge service secret http-token
    --random``), the variable FER_EDGE_HTTP_TOKEN, or no token. Nothing is encrypted:
    beyond a network that you trust, put a proxy with TLS in front."""
    preview: bool = option(False, live=True)
    """Whether the page shows the picture. It is the only way by which pictures leave
    the process, and the page says so. Without it, boxes and scores are shown."""
    preview_frames_per_second: float = option(5.0, low=0.2, high=30.0, live=True)
    """How many frames a second the page is shown, of boxes and of pictures."""
    stale_frame_seconds: float = option(30.0, low=1.0, high=86400.0, live=True)
    """Longest time without a frame that is healthy."""
    stale_inference_seconds: float = option(30.0, low=1.0, high=86400.0, live=True)
    """Longest time without a frame that was looked at, while detection is on, that is
    healthy."""
    broker_seconds: float = option(300.0, low=1.0, high=604800.0, live=True)
    """Longest time without the MQTT broker that is healthy. Events wait in the outbox
    as long as it takes."""


def read_token(settings: HttpSettings) -> str | None:
    """Return the token that requests must bring; None if they need none.

    Raises:
        ConfigurationError: it cannot be read, or is no token; never shows it.
    """
    token = read_secret(settings.token_file, HTTP_TOKEN, _VARIABLE)
    if token is not None:
        check_token(token, settings.token_file or HTTP_TOKEN)
    return token


def check_token(token: str, place: str) -> None:
    """Refuse what no request can bring, or what is soon guessed.

    Raises:
        ConfigurationError: it is no token; never shows it.
    """
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            f"{place}: {len(token)} characters; a token is 16 to 256 of A-Z, a-z, 0-9 "
            "and ._~+/- (openssl rand -hex 24 makes one)"
        )


def is_loopback(settings: HttpSettings) -> bool:
    """Tell whether only programs on this machine reach the server."""
    return ipaddress.ip_address(settings.bind).is_loopback


def complaints(settings: HttpSettings) -> list[str]:
    """Say what keeps the server from being started, a line a key."""
    if not settings.port:
        return []
    found = []
    try:
        loopback = is_loopback(settings)
    except ValueError:
        loopback = True  # of which there is nothing more to say
        found.append(f"bind: {settings.bind!r}; an IP address is wanted, as 127.0.0.1")
    try:
        token = read_token(settings)
    except ConfigurationError as mistake:
        found.append(f"token_file: {mistake}")
    else:
        if token is None and not loopback:
            found.append(
                f"token_file: empty; with bind {settings.bind} a token is needed, from "
                f"a file, the systemd credential {HTTP_TOKEN} (sudo fer-edge service "
                f"secret {HTTP_TOKEN} --random) or {_VARIABLE}"
            )
    return [f"http.{line}" for line in found]
