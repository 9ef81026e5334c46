"""Who made a bundle: a signature of its manifest, which holds all digests.

Made by minisign, https://jedisct1.github.io/minisign/, with what is there on every
build host::

    minisign -S -s KEY -m manifest.json        # gives manifest.json.minisig

Checked by PyNaCl, which is libsodium, as minisign itself: Debian has it for 32-bit ARM
too, and the wheel for aarch64 is a sixth of what ``cryptography`` weighs.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fer_contract.command import require_extra
from fer_contract.errors import RefusedError
from fer_contract.manifest import MANIFEST_NAME

SIGNATURE_NAME = f"{MANIFEST_NAME}.minisig"

_MOST_BYTES = 4096
_WHOLE, _PREHASHED = b"Ed", b"ED"  # minisign -S -l, and without -l
_TRUSTED = "trusted comment: "


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Of whoever makes the models."""

    number: bytes
    """8 bytes, random; tells keys apart."""
    key: bytes
    """32 bytes, Ed25519."""


def parse_public_key(text: str) -> PublicKey:
    """Read the key, as it stands in the last line of minisign's ``.pub`` file.

    Raises:
        ValueError: it is none.
    """
    content = _decode(text.strip(), 2 + 8 + 32)
    if content[:2] != _WHOLE:
        raise ValueError("no minisign key")
    return PublicKey(content[2:10], content[10:])


def key_complaint(text: str) -> str | None:
    """Say what is wrong with ``[model] public_key``, or None."""
    if not text:
        return None
    try:
        parse_public_key(text)
    except ValueError:
        return (
            f"model.public_key: {text!r}; the last line of minisign's .pub file is "
            "wanted, 56 letters and digits"
        )
    return None


def check_signature(bundle: Path, key: PublicKey) -> str:
    """Find out whether a bundle is signed by the owner of a key.

    Args:
        bundle: a folder; nothing in it need be trusted.
        key: the one that is trusted.

    Returns:
        The trusted comment: what the signer said of it.

    Raises:
        RefusedError: no signature, not one of minisign's, of another key, or of
            another manifest.
        FerError: PyNaCl is not installed.
        OSError: a file cannot be read.
    """
    require_extra("signed", ["nacl"])
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    path = bundle / SIGNATURE_NAME
    if not path.is_file():
        raise RefusedError(
            f"{bundle}: no {SIGNATURE_NAME} in it, and model.public_key wants one"
        )
    with path.open("rb") as stream:
        content = stream.read(_MOST_BYTES + 1)
    try:
        kind, number, signature, comment, seal = _parse(content)
    except ValueError as mistake:
        raise RefusedError(f"{path}: no signature of minisign's") from mistake
    if number != key.number:
        # As minisign prints it.
        seen, wanted = (part[::-1].hex().upper() for part in (number, key.number))
        raise RefusedError(
            f"{path}: signed with the key {seen}; model.public_key is {wanted}"
        )
    manifest = (bundle / MANIFEST_NAME).read_bytes()
    signed = hashlib.blake2b(manifest).digest() if kind == _PREHASHED else manifest
    verify = VerifyKey(key.key).verify
    try:
        verify(signed, signature)
        verify(signature + comment, seal)
    except BadSignatureError as mistake:
        raise RefusedError(
            f"{path}: not the signature of this {MANIFEST_NAME} by model.public_key"
        ) from mistake
    return comment.decode()


def _parse(content: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Take a signature file apart: kind, key number, signature, comment, its seal."""
    if len(content) > _MOST_BYTES:
        raise ValueError("too long")
    lines = content.decode().splitlines()
    if len(lines) != 4 or not lines[2].startswith(_TRUSTED):
        raise ValueError("other lines")
    body = _decode(lines[1], 2 + 8 + 64)
    if body[:2] not in (_WHOLE, _PREHASHED):
        raise ValueError("another kind")
    comment = lines[2].removeprefix(_TRUSTED).encode()
    return body[:2], body[2:10], body[10:], comment, _decode(lines[3], 64)


def _decode(text: str, length: int) -> bytes:
    content = base64.b64decode(text, validate=True)
    if len(content) != length:
        raise ValueError(f"{len(content)} bytes; {length} are wanted")
    return content
