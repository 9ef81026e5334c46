"""What a frame's time goes into."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class Stage(StrEnum):
    """A part of the work on a frame, in the order in which it is done."""

    CAPTURE = "capture"
    """Waiting for the camera, or decoding a recording."""
    DETECT = "detect"
    TRACK = "track"
    CROP = "crop"
    CLASSIFY = "classify"
    TELL = "tell"
    """Smoothing, episodes, events."""
    PUBLISH = "publish"


class Stopwatch:
    """Sums up what the stages of one frame take."""

    def __init__(self) -> None:
        self.seconds: dict[Stage, float] = {}
        """Of each stage that there was."""

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """Time what is done in the block, on top of what the stage took before."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - begun
            self.seconds[stage] = self.seconds.get(stage, 0.0) + passed
