"""What a camera can be told, and what cannot be true of it."""

from dataclasses import dataclass

from fer_edge.cameras.pixels import View
from fer_edge.cameras.source import Recording, parse_source
from fer_edge.errors import CameraError
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """The camera, or a recording in its place."""

    source: str = option("", example="rtsp://user:password@192.168.1.20:554/stream1")
    """Where frames come from: "picamera" (a Pi's own camera; "picamera:1" is its
    second), "0" or "/dev/video0" (USB), a URL (rtsp://, http://; user and password
    stand before the host, and are never shown), or the path of a video, a picture or a
    folder of pictures. Needed."""
    name: str = option("camera", filled=True)
    """What events call the camera."""
    width: int = option(0, low=0, high=8192)
    """Of the frames before they are turned; 0 is the camera's own. Only for picamera
    and USB; network cameras and recordings have their own."""
    height: int = option(0, low=0, high=8192)
    """As width."""
    frames_per_second: float = option(0.0, low=0.0, high=240.0)
    """What picamera or a USB camera is asked for; 0 is its own."""
    rotation: int = option(0, low=0, high=270)
    """By how many degrees frames are turned, clockwise: 0, 90, 180 or 270."""
    flip: str = option("none", one_of=("none", "horizontal", "vertical", "both"))
    """How frames are mirrored after they are turned; horizontal lets left and right
    change places."""
    grey: bool = option(False)
    """Whether colours are thrown away. A Pi's camera then has less to do."""
    pace: str = option("fast", one_of=("fast", "recorded"))
    """How a recording is played: as fast as possible, or as it was recorded, where
    frames that come too late are dropped as a live camera's are."""
    stall_seconds: float = option(10.0, low=0.5, high=3600.0)
    """A live camera without a frame for longer than this is opened again."""
    first_retry_seconds: float = option(1.0, low=0.1, high=3600.0)
    """Time from a failure to the next opening. It doubles with each further failure."""
    longest_retry_seconds: float = option(30.0, low=0.1, high=3600.0)
    """Longest time from a failure to the next opening."""
    give_up_seconds: float = option(120.0, low=1.0, high=86400.0)
    """After so long without a frame the daemon ends with exit code 3, and systemd
    starts it anew."""
    # Every sensor has noise: two frames that are equal to the last bit are one frame,
    # sent twice, be it by a hung driver or a camera's own web server. But not quite
    # every one: a lens in the dark can give pure black for a night, and a video codec
    # repeats what does not change. Reopening one of those does no harm beyond a second
    # without frames, of a scene in which nothing happens; see ``FreezeWatch``.
    frozen_seconds: float = option(60.0, low=0.0, high=86400.0)
    """A live camera that repeats one frame to the last bit for longer than this hangs
    and is opened again; 0 is never. If the frame comes back even then, as it may in the
    dark, the time doubles, up to an hour, until another comes."""

    @property
    def view(self) -> View:
        """How its frames are turned."""
        return View(self.rotation, self.flip, self.grey)


def complaints(settings: CameraSettings) -> list[str]:
    """Say what is contradictory or impossible, a line a key."""
    found = []
    if not settings.source:
        found.append("source: empty; a camera, URL or recording")
    else:
        found += _complaints_of_source(settings)
    if bool(settings.width) != bool(settings.height):
        found.append(
            f"width: {settings.width} with height {settings.height}; "
            "set both, or both to 0"
        )
    if settings.rotation % 90:
        found.append(f"rotation: {settings.rotation}; allowed are 0, 90, 180, 270")
    if settings.longest_retry_seconds < settings.first_retry_seconds:
        found.append(
            f"longest_retry_seconds: {settings.longest_retry_seconds:g}; "
            f"less than first_retry_seconds, {settings.first_retry_seconds:g}"
        )
    if settings.give_up_seconds <= settings.stall_seconds:
        found.append(
            f"give_up_seconds: {settings.give_up_seconds:g}; no more than "
            f"stall_seconds, {settings.stall_seconds:g}, leaves no time to open again"
        )
    return [f"camera.{line}" for line in found]


def _complaints_of_source(settings: CameraSettings) -> list[str]:
    try:
        source = parse_source(settings.source)
    except CameraError as mistake:
        return [f"source: {mistake}"]
    found = []
    if not source.TAKES_SIZE:
        asked = {
            "width": settings.width,
            "height": settings.height,
            "frames_per_second": settings.frames_per_second,
        }
        found += [
            f"{key}: {value:g}; a {source.NOUN} has its own, which only 0 takes"
            for key, value in asked.items()
            if value
        ]
    if not isinstance(source, Recording) and settings.pace != "fast":
        found.append(f"pace: {settings.pace}; {source} is live, not a recording")
    return found
