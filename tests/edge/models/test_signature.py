"""Signatures of manifests, as minisign makes them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fer_contract.errors import RefusedError
from fer_edge.models.signature import (
    SIGNATURE_NAME,
    check_signature,
    key_complaint,
    parse_public_key,
)

pytest.importorskip("nacl", reason="pip install 'fer-edge-toolkit[signed]'")

# Made by minisign 0.11 of Debian 12: -S, and -S -l.
_KEY = "RWQtpxXJsUZ3CvLwUDHhFkxxbefGDYWbWC59UldkGUjO3Q/banPtunZJ"
_COMMENT = "compact, made on a build host"
_MANIFEST = b"a manifest\n"
_PREHASHED = f"""\
untrusted comment: signature from minisign secret key
RUQtpxXJsUZ3CjtTV5e9llaQgU3rPLMQPvy567zkflZD+UvuBQG3bUpmGXQws33bTBxcCf+rq33SQU4nZoj1ScdIh+NZy+oYuQk=
trusted comment: {_COMMENT}
3T+Q4tNQxrKSds8JWRb2DwQAhSSatrXhTtijf3ksS8kYfzPxhSe5pCO22nhVA5q2axfUvkoanyu7HyqFQgmgAQ==
"""
_LEGACY = f"""\
untrusted comment: signature from minisign secret key
RWQtpxXJsUZ3CjsopebTMk6LOEB8Y+T31Zqh6MjgQtuTOVbcs4MGOG4JDPVSvqd6oaPdigGrGEecWytBN9hiMJvwlph6B4qMMQw=
trusted comment: {_COMMENT}
3CQUgnuNEOn6ea08jXGwYWHsM4oUIyyxTkqW0CK/ZPFLY4XaGASRtIvhhUd6vbmpWMy3LlZm2x30ph5RhxXHDg==
"""


def _write(folder: Path, manifest: bytes, signature: str | bytes) -> Path:
    (folder / "manifest.json").write_bytes(manifest)
    content = signature if isinstance(signature, bytes) else signature.encode()
    (folder / SIGNATURE_NAME).write_bytes(content)
    return folder


@pytest.mark.parametrize("signature", [_PREHASHED, _LEGACY], ids=["ED", "Ed"])
def test_minisigns_own(tmp_path: Path, signature: str) -> None:
    """Both of its kinds are good; the signer's comment is told."""
    folder = _write(tmp_path, _MANIFEST, signature)
    assert check_signature(folder, parse_public_key(_KEY)) == _COMMENT


@pytest.mark.parametrize("signature", [_PREHASHED, _LEGACY], ids=["ED", "Ed"])
def test_another_manifest(tmp_path: Path, signature: str) -> None:
    """A letter more is another manifest."""
    folder = _write(tmp_path, _MANIFEST + b" ", signature)
    with pytest.raises(RefusedError, match=r"not the signature of this manifest\.json"):
        check_signature(folder, parse_public_key(_KEY))


def test_another_comment(tmp_path: Path) -> None:
    """The trusted comment is signed too."""
    folder = _write(tmp_path, _MANIFEST, _PREHASHED.replace("build", "built"))
    with pytest.raises(RefusedError, match=r"not the signature of this manifest\.json"):
        check_signature(folder, parse_public_key(_KEY))


def test_the_other_kind(tmp_path: Path) -> None:
    """A prehashed signature does not pass as one of the whole, nor the reverse."""
    folder = _write(tmp_path, _MANIFEST, _PREHASHED.replace("\nRUQ", "\nRWQ"))
    with pytest.raises(RefusedError, match="not the signature"):
        check_signature(folder, parse_public_key(_KEY))


def test_another_key(tmp_path: Path) -> None:
    """Both keys are named, as minisign prints them."""
    other = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
    folder = _write(tmp_path, _MANIFEST, _PREHASHED)
    with pytest.raises(RefusedError) as caught:
        check_signature(folder, parse_public_key(other))
    assert str(caught.value) == (
        f"{folder / SIGNATURE_NAME}: signed with the key 0A7746B1C915A72D; "
        "model.public_key is E7620F1842B4E81F"
    )


def test_no_signature(tmp_path: Path) -> None:
    """Without one a bundle is refused."""
    (tmp_path / "manifest.json").write_bytes(_MANIFEST)
    with pytest.raises(RefusedError, match=f"^{tmp_path}: no manifest.json.minisig"):
        check_signature(tmp_path, parse_public_key(_KEY))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"x" * 10_000,
        b"1\n2\n3\n4\n",
        _PREHASHED.replace("RUQ", "UUQ").encode(),
        _PREHASHED.replace("trusted comment: c", "comment: c").encode(),
        _PREHASHED.replace("gmgAQ==", "gm==").encode(),
        _PREHASHED.replace("RUQt", "RU t").encode(),
        _PREHASHED.encode() + b"more\n",
    ],
)
def test_what_is_no_signature(tmp_path: Path, content: bytes) -> None:
    """It is named in one line."""
    folder = _write(tmp_path, _MANIFEST, content)
    with pytest.raises(RefusedError, match=r"no signature of minisign's$"):
        check_signature(folder, parse_public_key(_KEY))


@pytest.mark.parametrize("text", ["x", _KEY[:-4], "RUQ" + _KEY[3:], "ä", f"{_KEY}AAAA"])
def test_what_is_no_key(text: str) -> None:
    """The key of the configuration is complained about, with what is wanted."""
    complaint = key_complaint(text)
    assert complaint is not None
    assert complaint.startswith(f"model.public_key: {text!r}; the last line of ")


def test_what_is_a_key() -> None:
    """A key, and none at all, are no mistake."""
    assert key_complaint(_KEY) is None
    assert key_complaint("") is None


@pytest.mark.parametrize("more", [(), ("-l",)], ids=["ED", "Ed"])
def test_fresh_from_minisign(tmp_path: Path, more: tuple[str, ...]) -> None:
    """What the program makes now is read, key and signature."""
    if shutil.which("minisign") is None:
        pytest.skip("minisign is missing: apt-get install minisign")

    def minisign(*arguments: str) -> None:
        command = ["minisign", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "manifest.json").write_bytes(_MANIFEST)
    minisign("-G", "-W", "-p", "key.pub", "-s", "key")
    minisign("-S", *more, "-s", "key", "-m", "manifest.json", "-t", "Grüße")
    key = parse_public_key((tmp_path / "key.pub").read_text().splitlines()[-1])
    assert check_signature(tmp_path, key) == "Grüße"
