"""A bundle is examined before it is let in: its files, its maker, and what it does."""

import contextlib
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fer_contract.errors import FerError, RefusedError
from fer_contract.manifest import MANIFEST_NAME, BundleManifest, read_manifest
from fer_edge.child import child_command, signal_name
from fer_edge.models.signature import (
    SIGNATURE_NAME,
    PublicKey,
    check_signature,
)

_LOGGER = logging.getLogger(__name__)

_SECONDS = 120.0
"""A Pi Zero needs ten to start the interpreter and load the model."""


def examine(bundle: Path, origin: str, key: PublicKey | None = None) -> BundleManifest:
    """Check a bundle: signature, schema, digests, strangers, and its self-test.

    Args:
        bundle: a folder of plain files.
        origin: what messages call it.
        key: whose signature is wanted, if any.

    Raises:
        FerError: what is wrong with it.
        OSError: it cannot be read.
    """
    with _named(bundle, origin):
        if key is not None:
            _LOGGER.debug("%s: signed: %s", origin, check_signature(bundle, key))
        manifest = read_manifest(bundle, BundleManifest)
        known = {*manifest.files, *manifest.COMPANIONS, MANIFEST_NAME, SIGNATURE_NAME}
        for path in sorted(bundle.iterdir()):
            if path.name not in known:
                raise RefusedError(f"{path}: not named in {MANIFEST_NAME}")
        self_test(bundle)
    return manifest


def self_test(bundle: Path) -> None:
    """Load the model and compare its golden vectors, in a process that may die of it.

    Raises:
        FerError: it does not pass, or does not come to an end.
        OSError: no process can be started.
    """
    module = "fer_edge.models.self_test_child"
    # The child of a command that acts for another user is that user for good.
    acting = os.getuid() != os.geteuid()
    try:
        done = subprocess.run(
            child_command(module, str(bundle), str(os.getpid())),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            user=os.geteuid() if acting else None,
            group=os.getegid() if acting else None,
        )
    except subprocess.TimeoutExpired as slow:
        raise RefusedError(
            f"{bundle}: its self-test has no end after {_SECONDS:g} s"
        ) from slow
    for line in done.stderr.decode(errors="replace").splitlines():
        _LOGGER.debug("self-test: %s", line)
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode == 0:
        _LOGGER.debug("%s: passes its self-test on %s", bundle, said)
        return
    if done.returncode < 0:
        how = signal_name(-done.returncode)
        raise RefusedError(f"{bundle}: its self-test ends the interpreter by {how}")
    if not said:
        said = f"{bundle}: its self-test ends with {done.returncode}"
    # Judged, or not even understood; both end in the exit code of this process too.
    raise RefusedError(said) if done.returncode == 1 else FerError(said)


@contextlib.contextmanager
def _named(bundle: Path, origin: str) -> Iterator[None]:
    """Have messages name what the user gave, not where it was unpacked."""
    try:
        yield
    except FerError as refusal:
        raise type(refusal)(str(refusal).replace(str(bundle), origin)) from refusal
