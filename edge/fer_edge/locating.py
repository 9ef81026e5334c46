"""Which faces a frame shows: sought now and then, followed in between."""

import math

from fer_contract.preprocess import Pixels
from fer_edge.detectors import Detector
from fer_edge.stages import Stage, Stopwatch
from fer_edge.tracking import Tracked, Tracker, TrackingSettings


class Locator:
    """Decides which frames a detector sees.

    A search takes many times what the rest of a frame takes. So it is made every so
    often in time, not every so many frames: how late a new face is noticed, and how
    far one may move unseen, is then the same at 5 frames a second and at 30, and a
    slow device searches in every frame that it can.

    Args:
        detector: finds faces.
        every_seconds: time between two searches; 0 searches every frame. So no box
            is older than this when a face is classified in it.
        tracking: how faces are followed.
    """

    def __init__(
        self, detector: Detector, every_seconds: float, tracking: TrackingSettings
    ) -> None:
        self._detector = detector
        self._every_seconds = every_seconds
        self._tracker = Tracker(tracking)
        self._sought_seconds = -math.inf
        self._size = (0, 0)

    @property
    def lost_seconds(self) -> float:
        """After so long without being found a face is gone."""
        return self._tracker.settings.lost_seconds

    def reconfigure(self, every_seconds: float, tracking: TrackingSettings) -> None:
        """Go on with other settings; the faces stay who they are."""
        self._every_seconds = every_seconds
        self._tracker.settings = tracking

    def due(self, pixels: Pixels, now: float) -> bool:
        """Tell whether a frame is to be searched.

        Args:
            pixels: uint8 (H, W, 3).
            now: seconds on a steady clock.
        """
        rested = now - self._sought_seconds
        return (
            # A clock that has jumped back says nothing of the time that passed.
            not 0.0 <= rested < self._every_seconds
            or pixels.shape[:2] != self._size
            or self._tracker.in_doubt(now)
        )

    def locate(
        self, pixels: Pixels, now: float, watch: Stopwatch | None = None
    ) -> Tracked:
        """Return the faces of a frame, found or expected.

        Args:
            pixels: uint8 (H, W, 3), BGR.
            now: seconds on a steady clock.
            watch: told what searching and following take.
        """
        watch = watch or Stopwatch()
        height, width = pixels.shape[:2]
        with watch.on(Stage.TRACK):
            if not self.due(pixels, now):
                return self._tracker.predict(now, height, width)
        self._sought_seconds, self._size = now, (height, width)
        with watch.on(Stage.DETECT):
            boxes = self._detector.detect(pixels)
        with watch.on(Stage.TRACK):
            return self._tracker.update(boxes, now)
