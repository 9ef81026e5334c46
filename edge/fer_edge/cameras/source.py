"""What the text of ``camera.source`` means."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fer_edge.errors import CameraError

_SCHEMES = ("rtsp", "rtsps", "http", "https")
_ALLOWED = (
    "allowed are picamera, picamera:1, 0, /dev/video0, rtsp://…, http://…, or the path "
    "of a video, a picture or a folder"
)


@dataclass(frozen=True, slots=True)
class PiCamera:
    """A camera that libcamera knows: what is plugged into a Pi's flat cable."""

    index: int

    def __str__(self) -> str:
        return f"picamera:{self.index}"


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """A camera that the kernel shows as a file: USB."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Stream:
    """A camera on the network. Where it is may be told, its password may not."""

    url: str

    def __str__(self) -> str:
        """Return scheme and host: cameras take passwords in paths and queries too."""
        scheme, _, rest = self.url.partition("://")
        address = re.split(r"[/?#]", rest, maxsplit=1)[0]
        host = address.rpartition("@")[2]
        # An @ further on may end a password with an unescaped slash in it.
        if "@" in rest[len(address) :]:
            host = ""
        return f"{scheme}://{host}/…"


@dataclass(frozen=True, slots=True)
class Recording:
    """A video, a picture, or a folder of pictures."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Source = PiCamera | VideoDevice | Stream | Recording


def parse_source(text: str) -> Source:
    """Tell what a source is, by its text alone.

    Raises:
        CameraError: it cannot be any; the message does not repeat a password.
    """
    if found := re.fullmatch(r"picamera(?::(.*))?", text):
        number = found[1] if found[1] is not None else "0"
        if not re.fullmatch(r"[0-9]{1,2}", number):
            raise CameraError(f"{text}: picamera:1 is the second camera of a Pi")
        return PiCamera(int(number))
    if re.fullmatch(r"[0-9]{1,3}", text):
        return VideoDevice(Path(f"/dev/video{int(text)}"))
    if text.startswith("/dev/"):
        return VideoDevice(Path(text))
    if found := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text):
        return _stream(Stream(text), found[1].lower())
    return Recording(Path(text))


def _stream(stream: Stream, scheme: str) -> Stream:
    if scheme not in _SCHEMES:
        raise CameraError(f"{stream}: {_ALLOWED}")
    try:
        parts = urlsplit(stream.url)
        # Reading the port is what checks it.
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not stream.url.isprintable() or " " in stream.url:
        raise CameraError(
            f"{stream}: not a URL; in a password write / as %2F, @ as %40, : as %3A"
        )
    return stream
