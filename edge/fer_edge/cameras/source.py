"""What the text of ``camera.source`` names: a live camera, or a recording."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from fer_edge.cameras.network import NetworkCamera, without_password
from fer_edge.cameras.picamera import PiCamera
from fer_edge.cameras.usb import UsbCamera
from fer_edge.errors import CameraError

if TYPE_CHECKING:
    from fer_edge.cameras.newest import Device
    from fer_edge.cameras.settings import CameraSettings


class LiveCamera(Protocol):
    """A live camera as it is named, not opened; its ``str`` shows no password."""

    FORMS: ClassVar[tuple[str, ...]]
    """How it may be written, for people."""
    NOUN: ClassVar[str]
    """What such a camera is called."""
    TAKES_SIZE: ClassVar[bool]
    """Whether it can be asked for a size and a rate; else it has its own."""
    MEND: ClassVar[str]
    """What finds out why it gives nothing, with ``{config}``, the file, and ``{user}``,
    of the service."""

    @property
    def held_files(self) -> tuple[str, ...]:
        """Patterns of device files that one process alone can use."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the camera that a text names, by its form alone; None if none.

        Raises:
            CameraError: it is written like one, with a mistake; without its password.
        """

    def opener(self, settings: "CameraSettings") -> "Callable[[], Device]":
        """Return what opens it, once, and waits for it.

        Raises:
            CameraError: what it takes is not installed.
        """


LIVE_CAMERAS: tuple[type[LiveCamera], ...] = (PiCamera, UsbCamera, NetworkCamera)
"""All kinds."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A video, a picture, or a folder of pictures."""

    NOUN: ClassVar[str] = "recording"
    TAKES_SIZE: ClassVar[bool] = False
    MEND: ClassVar[str] = "edit camera.source in {config}"

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Source = LiveCamera | Recording


def parse_source(text: str) -> Source:
    """Tell what a source is, by its text alone.

    Raises:
        CameraError: it cannot be any; the message does not repeat a password.
    """
    for kind in LIVE_CAMERAS:
        if camera := kind.parse(text):
            return camera
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        forms = ", ".join(form for kind in LIVE_CAMERAS for form in kind.FORMS)
        raise CameraError(
            f"{without_password(text)}: allowed are {forms}, or the path of a video, "
            "a picture or a folder"
        )
    return Recording(Path(text))
