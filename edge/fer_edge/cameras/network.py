"""Cameras on the network, by URL."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlsplit

import cv2

from fer_edge.cameras.opencv import OpenCvDevice, silence
from fer_edge.errors import CameraError, CameraLostError

if TYPE_CHECKING:
    from fer_edge.cameras.settings import CameraSettings

_URL = re.compile("(?:rtsps?|https?)://", re.IGNORECASE)

# Of the time that a frame may take, to which ``ReopeningCamera`` holds the camera.
# FFmpeg tells sooner why nothing opens, since it knows. It gives up a frame later:
# of a camera that hangs it only says that there are no more.
_OPENING_SHARE = 0.8
_READING_SHARE = 1.25


@dataclass(frozen=True, slots=True)
class NetworkCamera:
    """A camera on the network. Where it is may be told, its password may not."""

    FORMS: ClassVar[tuple[str, ...]] = ("rtsp://…", "http://…")
    NOUN: ClassVar[str] = "network camera"
    TAKES_SIZE: ClassVar[bool] = False
    MEND: ClassVar[str] = "ffprobe URL, with the address of camera.source in {config}"

    url: str

    @property
    def held_files(self) -> tuple[str, ...]:
        """None: it serves several at once."""
        return ()

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Take a URL of a scheme that FFmpeg reads here."""
        if not _URL.match(text):
            return None
        try:
            parts = urlsplit(text)
            # Reading the port is what checks it.
            good = bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or not text.isprintable() or " " in text:
            raise CameraError(
                f"{without_password(text)}: not a URL; in a password write / as %2F, "
                "@ as %40, : as %3A"
            )
        return cls(text)

    def opener(self, settings: "CameraSettings") -> Callable[[], OpenCvDevice]:
        """Return what connects to it."""
        return partial(open_stream, self, settings)

    def __str__(self) -> str:
        return without_password(self.url)


def without_password(url: str) -> str:
    """Return scheme and host: cameras take passwords in paths and queries too."""
    scheme, _, rest = url.partition("://")
    address = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host = address.rpartition("@")[2]
    # An @ further on may end a password with an unescaped slash in it.
    if "@" in rest[len(address) :]:
        host = ""
    return f"{scheme}://{host}/…"


def open_stream(source: NetworkCamera, settings: "CameraSettings") -> OpenCvDevice:
    """Open a network camera.

    RTSP goes by TCP, and by UDP only where the camera has no TCP: that is OpenCV's own
    choice, ``rtsp_flags;prefer_tcp``, and right for Wi-Fi, where each packet that UDP
    loses leaves a smear until the next whole picture.

    Args:
        source: where it is.
        settings: how long opening or one frame may take.

    Raises:
        CameraLostError: it does not answer, or not with a video.
    """
    silence()
    milliseconds = 1000 * settings.stall_seconds
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(_OPENING_SHARE * milliseconds),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(_READING_SHARE * milliseconds),
    ]  # fmt: skip
    video = cv2.VideoCapture(source.url, cv2.CAP_FFMPEG, limits)
    if not video.isOpened():
        raise CameraLostError(
            f"{source}: no answer, no video there, or user and password are refused"
        )
    return OpenCvDevice(video, str(source))
