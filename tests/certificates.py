"""An authority and what it vouches for, by openssl, for an hour."""

import subprocess
from pathlib import Path

from broker import program


class Authority:
    """Signs certificates.

    Args:
        folder: for its key and its own certificate.
        name: of it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._openssl = program("openssl", "openssl")
        self._folder, self._name = folder, name
        self.certificate = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        self._run(
            "req", "-x509", *self._new_key(self._key), "-out", self.certificate,
            "-subj", f"/CN={name}", "-days", "1",
        )  # fmt: skip

    def sign(
        self, name: str, subject: str = "DNS:localhost,IP:127.0.0.1", days: int = 1
    ) -> tuple[Path, Path]:
        """Return a certificate and its key.

        Args:
            name: of the files, and of whom it is for.
            subject: the host, in openssl's words.
            days: that it is good for; negative for one that has expired.
        """
        request, certificate, key, more = (
            self._folder / f"{name}.{end}" for end in ("csr", "crt", "key", "ext")
        )
        more.write_text(f"subjectAltName={subject}\n")
        self._run(
            "req", *self._new_key(key), "-out", request, "-subj", f"/CN={name}"
        )  # fmt: skip
        self._run(
            "x509", "-req", "-in", request, "-out", certificate, "-extfile", more,
            "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
            "-days", str(days),
        )  # fmt: skip
        return certificate, key

    def lock(self, key: Path, locked: Path) -> Path:
        """Write a key that only a password opens."""
        self._run(
            "pkey", "-in", key, "-out", locked, "-aes256", "-passout", "pass:sesame"
        )
        return locked

    def _new_key(self, path: Path) -> list[str | Path]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        return [*curve, "-nodes", "-keyout", path]

    def _run(self, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._openssl, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
