"""From settings to a camera: the one entry."""

from datetime import datetime

from fer_edge.cameras import Camera
from fer_edge.cameras.newest import NewestFrame
from fer_edge.cameras.paced import PacedReplay
from fer_edge.cameras.reopening import ReopeningCamera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.cameras.source import Recording, parse_source


def open_camera(settings: CameraSettings, begun: datetime) -> Camera:
    """Open the camera of the settings.

    A live camera is opened behind the caller's back, and has failures of its own to
    tell only when it is read.

    Args:
        settings: of which ``complaints`` has nothing to say.
        begun: wall time of a recording's first frame, with time zone.

    Raises:
        CameraError: no such source, or a recording that cannot be shown.
    """
    source = parse_source(settings.source)
    if isinstance(source, Recording):
        from fer_edge.cameras.replay import open_replay

        recording = open_replay(source.path, begun, settings.view)
        return PacedReplay(recording) if settings.pace == "recorded" else recording
    open_device = source.opener(settings)
    return ReopeningCamera(
        str(source), lambda: NewestFrame(open_device, settings.view), settings
    )
