"""Reading a live camera until something happens."""

import time
from collections.abc import Callable

from fer_edge.cameras import Camera, Frame

LONG = 30.0
"""Seconds: a deadline, not what anything takes."""


def next_frame(camera: Camera) -> Frame:
    """Return the next frame, however many reads it takes."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        frame = camera.read(0.5)
        if frame is not None:
            return frame
    raise AssertionError("no frame")


def read_until(camera: Camera, happened: Callable[[], bool]) -> None:
    """Read and throw away."""
    until = time.monotonic() + LONG
    while not happened():
        assert time.monotonic() < until
        camera.read(0.1)
