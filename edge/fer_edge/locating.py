"""Which faces a frame shows: sought now and then, followed in between."""

import math
from collections.abc import Iterable, Sequence
from enum import Enum, auto

from fer_contract.preprocess import Box, Pixels
from fer_edge.boxes import distinct, likeness
from fer_edge.detectors import Detector
from fer_edge.stages import Stage, Stopwatch
from fer_edge.tracking import Tracked, Tracker, TrackingSettings


class Look(Enum):
    """How much of a frame a detector is shown."""

    NOWHERE = auto()
    NEAR = auto()
    """What is round the faces that are known."""
    EVERYWHERE = auto()


class Locator:
    """Decides what a detector sees of which frames.

    A search of a whole frame takes many times what the rest of its work takes, and is
    needed for new faces only; a known one is found in its own neighbourhood, for a
    small part of that. Both are done every so often in time, not every so many frames:
    how late a new face is noticed, and how far one may move unseen, is then the same at
    5 frames a second and at 30, and a slow device looks in every frame that it can.

    Args:
        detector: finds faces.
        every_seconds: time after which a known face is looked for; 0 looks in every
            frame. So no box is older than this when a face is classified in it.
        newcomer_seconds: time between two searches of the whole frame while all known
            faces are found; while none is known or one is missing it is the above.
        tracking: how faces are followed.
    """

    def __init__(
        self,
        detector: Detector,
        every_seconds: float,
        newcomer_seconds: float,
        tracking: TrackingSettings,
    ) -> None:
        self._detector = detector
        self._every_seconds = every_seconds
        self._newcomer_seconds = max(every_seconds, newcomer_seconds)
        self._tracker = Tracker(tracking)
        self._searched_seconds = -math.inf
        self._looked_seconds = -math.inf
        self._size = (0, 0)

    @property
    def lost_seconds(self) -> float:
        """After so long without being found a face is gone."""
        return self._tracker.settings.lost_seconds

    def reconfigure(
        self, every_seconds: float, newcomer_seconds: float, tracking: TrackingSettings
    ) -> None:
        """Go on with other settings; the faces stay who they are."""
        self._every_seconds = every_seconds
        self._newcomer_seconds = max(every_seconds, newcomer_seconds)
        self._tracker.settings = tracking

    def due(self, pixels: Pixels, now: float) -> Look:
        """Tell where to look for faces in a frame.

        Args:
            pixels: uint8 (H, W, 3).
            now: seconds on a steady clock.
        """
        interval = (
            self._newcomer_seconds if self._tracker.complete() else self._every_seconds
        )
        resized = pixels.shape[:2] != self._size
        if resized or _over(interval, self._searched_seconds, now):
            return Look.EVERYWHERE
        if self._tracker.in_doubt(now):
            return Look.NEAR
        old = _over(self._every_seconds, self._looked_seconds, now)
        return Look.NEAR if old else Look.NOWHERE

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
            look = self.due(pixels, now)
            if look is Look.NOWHERE:
                return self._tracker.predict(now, height, width)
            places = self._tracker.wanted(now)
            complete = self._tracker.complete()
        self._looked_seconds = now
        with watch.on(Stage.DETECT):
            if look is Look.EVERYWHERE:
                found = self._search(pixels, now)
                found += self._near(pixels, places, found)
            else:
                found = self._near(pixels, places, [])
                missed = not all(self._answered(place, found) for place in places)
                # One that has been missed before waits for the next search.
                if missed and complete:
                    searched = self._search(pixels, now)
                    found = searched + distinct(found, searched)
        with watch.on(Stage.TRACK):
            return self._tracker.update(found, now)

    def _search(self, pixels: Pixels, now: float) -> list[Box]:
        self._searched_seconds, self._size = now, pixels.shape[:2]
        return list(self._detector.detect(pixels))

    def _near(
        self, pixels: Pixels, places: Sequence[Box], found: Sequence[Box]
    ) -> list[Box]:
        """Look for known faces where no box is yet; return further boxes."""
        more = [
            box
            for place in places
            if not self._answered(place, found)
            for box in self._detector.near(pixels, place)
            # Or else something beside it would begin a track, on the lesser evidence.
            if any(self._answered(other, [box]) for other in places)
        ]
        return distinct(more, found)

    def _answered(self, place: Box, boxes: Iterable[Box]) -> bool:
        return any(
            likeness(place, box) >= self._tracker.settings.min_overlap for box in boxes
        )


def _over(seconds: float, since: float, now: float) -> bool:
    """Tell whether a time is over; so it is if the clock has jumped back."""
    return not 0.0 <= now - since < seconds
