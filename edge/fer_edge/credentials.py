"""Secrets, which stand in no configuration, no log and no command line."""

import functools
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from fer_edge.errors import ConfigurationError

_LOGGER = logging.getLogger(__name__)

_MOST_BYTES = 4096
"""Of a secret: more is another file, named by mistake."""

MQTT_PASSWORD = "mqtt-password"
HTTP_TOKEN = "http-token"

SECRETS = {
    MQTT_PASSWORD: "FER_EDGE_MQTT_PASSWORD",
    HTTP_TOKEN: "FER_EDGE_HTTP_TOKEN",
}
"""What the service's units load, and the variable that stands for it elsewhere."""

STORE = Path("/etc/credstore")
"""Where ``fer-edge service secret`` puts them, and systemd takes them from."""


def stored_name(credential: str) -> str:
    """Return the name of a credential's file in the store."""
    return f"fer-edge.{credential}"


def read_secret(
    file: str,
    credential: str,
    variable: str,
    environment: Mapping[str, str] | None = None,
    store: Path = STORE,
) -> str | None:
    """Return a secret from the first place that has it.

    Args:
        file: holds it in one line; empty for none.
        credential: name under which systemd's ``LoadCredential=`` may have given it.
        variable: of the environment.
        environment: this process' own if not given.
        store: from which systemd gives the service its credentials. The last place, for
            root, who checks a configuration before there is a service, or runs it by
            hand: no other may read it.

    Returns:
        The secret without its line break; None where no place has one.

    Raises:
        ConfigurationError: a place that has something else; the message names it, and
            nothing of what stands there.
    """
    environment = os.environ if environment is None else environment
    if file:
        return _read_file(Path(file))
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    if folder and (given := Path(folder, credential)).exists():
        return _read_file(given)
    value = environment.get(variable, "")
    if value:
        # Python's way to hold bytes of the environment that are no UTF-8.
        return checked_secret(value.encode(errors="surrogateescape"), variable)
    stored = store / stored_name(credential)
    return _read_file(stored) if os.access(stored, os.R_OK) else None


def _read_file(path: Path) -> str:
    try:
        status = path.stat()
        # A pipe might keep us waiting for ever.
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path}: not a file; a secret is wanted")
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as failure:
        raise ConfigurationError(f"{path}: {failure.strerror}") from failure
    secret = checked_secret(content, str(path))
    if status.st_mode & stat.S_IROTH:
        _warn_of_readers(path)
    return secret


def checked_secret(content: bytes, place: str) -> str:
    """Return what a place holds as a secret, without its line break.

    Raises:
        ConfigurationError: it is none; the message shows nothing of it.
    """
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{place}: more than {_MOST_BYTES} bytes; no secret")
    try:
        secret = content.decode()
    except UnicodeDecodeError:
        # Not raised from it: the error holds the secret.
        raise ConfigurationError(f"{place}: not UTF-8; no secret") from None
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ConfigurationError(f"{place}: empty; a secret is wanted")
    if "\n" in secret:
        raise ConfigurationError(f"{place}: several lines; a secret of one is wanted")
    return secret


@functools.cache
def _warn_of_readers(path: Path) -> None:
    """Say it once a file, however often it is read."""
    _LOGGER.warning("%s: every user can read it; chmod o-r", path)
