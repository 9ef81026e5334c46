"""Look through a camera and tell what is seen, a line of JSON a frame.

Runs where there is nothing but the device's code.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from fer_edge.cameras import Camera
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.reopening import ReopeningCamera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.errors import CameraError

_LONG = 60.0  # seconds; a deadline


def watch(camera: Camera, count: int) -> None:
    """Print so many frames."""
    until = time.monotonic() + _LONG
    while count and time.monotonic() < until:
        frame = camera.read(0.5)
        if frame is None:
            continue
        count -= 1
        height, width, _ = frame.pixels.shape
        seen = {
            "size": [width, height],
            "left": frame.pixels[height // 2, width // 4].tolist(),
            "right": frame.pixels[height // 2, width * 3 // 4].tolist(),
            "top": frame.pixels[height // 4, width // 2].tolist(),
            "taken": frame.taken.seconds,
            "age": time.monotonic() - frame.taken.seconds,
        }
        sys.stdout.write(json.dumps(seen) + "\n")


def main() -> None:
    """Open the camera of some settings; once, twice in turn, or twice at a time."""
    logging.basicConfig(format="%(message)s")
    settings = CameraSettings(**json.loads(sys.argv[1]))
    camera = open_camera(settings, datetime.now(UTC))
    try:
        watch(camera, 3)
        if sys.argv[2] == "again":
            camera.close()
            camera = open_camera(settings, datetime.now(UTC))
            watch(camera, 3)
        if sys.argv[2] == "busy":
            other = open_camera(settings, datetime.now(UTC))
            assert isinstance(other, ReopeningCamera)
            until = time.monotonic() + _LONG
            while other.openings < 2 and time.monotonic() < until:
                other.read(0.1)
            camera.close()
            watch(other, 3)
            camera = other
    except CameraError as failure:
        sys.stderr.write(f"{failure.exit_code} {failure}\n")
    camera.close()


if __name__ == "__main__":
    main()
