"""TLS to a broker: whom to believe, who we are, and why it failed."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

from fer_edge.errors import ConfigurationError
from fer_edge.publishers.mqtt.settings import MqttSettings


class TlsSocket(ssl.SSLSocket):
    """Keeps what went wrong: paho reports no more than that something did."""

    failure: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:
        """Agree on keys; else close, which nobody else would do."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive; a certificate of ours may be refused as late as here."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as failure:
            self.failure = failure
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        """Send; if the other side has gone, it may have said why."""
        try:
            return super().send(data, flags)
        except (ssl.SSLEOFError, ConnectionError):
            with contextlib.suppress(OSError):
                self.recv(1)
            raise


def make_tls(settings: MqttSettings) -> ssl.SSLContext:
    """Read certificates and keys.

    Raises:
        ConfigurationError: a file that cannot be used; the message names its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    context.check_hostname = not settings.tls_insecure
    if settings.tls_ca_certs:
        with _naming("tls_ca_certs", settings.tls_ca_certs):
            context.load_verify_locations(settings.tls_ca_certs)
    else:
        context.load_default_certs()
    if settings.tls_client_cert:
        key = settings.tls_client_key or None
        with _naming("tls_client_cert", settings.tls_client_cert, key or ""):
            context.load_cert_chain(settings.tls_client_cert, key, _no_password)
    return context


def _no_password() -> str:
    # Else OpenSSL would ask for it at the terminal.
    raise ConfigurationError("mqtt.tls_client_key: has a password; none can be given")


@contextlib.contextmanager
def _naming(key: str, *paths: str) -> Iterator[None]:
    """Name key and files in whatever is wrong with them."""
    try:
        yield
    # A kind of OSError, too.
    except ssl.SSLError as failure:
        reason = f"no certificate or key that fits ({failure.reason or 'not PEM'})"
    except OSError as failure:
        reason = failure.strerror or str(failure)
    else:
        return
    names = " with ".join(path for path in paths if path)
    raise ConfigurationError(f"mqtt.{key}: {names}: {reason}")
