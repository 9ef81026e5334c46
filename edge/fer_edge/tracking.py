"""Which face of this frame is which of the last: boxes in, numbered tracks out."""

from collections.abc import Sequence
from dataclasses import dataclass

from fer_contract.preprocess import Box
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """``[tracking]``."""

    min_overlap: float = option(0.3, low=0.05, high=0.95)
    """Least intersection over union of a face's boxes in two frames, as a share."""
    lost_seconds: float = option(1.0, low=0.0, high=60.0)
    """A face not seen for longer is gone; one that comes back later is a new one."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a frame meant for the tracks."""

    seen: tuple[tuple[int, Box], ...]
    """Track and box of every face in the frame, in the order of the boxes."""
    lost: tuple[int, ...]
    """Tracks that have ended."""


@dataclass(slots=True)
class _Track:
    box: Box
    seen_at: float


class Tracker:
    """Follows faces by the overlap of their boxes, the best overlap first."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        self._tracks: dict[int, _Track] = {}
        self._next = 1

    def update(self, boxes: Sequence[Box], now: float) -> Tracked:
        """Match the boxes of a frame to the tracks.

        Args:
            boxes: one a face, in pixels.
            now: seconds on a clock that does not run backwards.
        """
        lost = tuple(
            number
            for number, track in self._tracks.items()
            if now - track.seen_at > self._settings.lost_seconds
        )
        for number in lost:
            del self._tracks[number]
        pairs = sorted(
            (
                (overlap(track.box, box), number, index)
                for number, track in self._tracks.items()
                for index, box in enumerate(boxes)
            ),
            key=lambda pair: (-pair[0], pair[1:]),
        )
        numbers: dict[int, int] = {}
        for share, number, index in pairs:
            if share < self._settings.min_overlap:
                break
            if index not in numbers and number not in numbers.values():
                numbers[index] = number
        for index, box in enumerate(boxes):
            if index not in numbers:
                numbers[index] = self._next
                self._next += 1
            self._tracks[numbers[index]] = _Track(box, now)
        seen = tuple((numbers[index], box) for index, box in enumerate(boxes))
        return Tracked(seen, lost)


def overlap(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(
        first.y, second.y
    )
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = first.width * first.height + second.width * second.height - shared
    return shared / union
