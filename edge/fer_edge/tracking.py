"""Which face of this frame is which of the last: boxes in, numbered tracks out.

Faces are sought in some frames and followed by their motion in the others. All is
counted in seconds, so that a slow device decides like a fast one.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from fer_contract.preprocess import Box
from fer_edge.boxes import grown, is_box, likeness, overlap, shared_area
from fer_edge.motion import FaceMotion
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """Which face of a frame is which of the frame before."""

    min_overlap: float = option(0.3, low=0.05, high=0.95, live=True)
    """Least overlap of the squares where a face is expected and where it is found
    (intersection over union) for it to be the same face, as a share."""
    lost_seconds: float = option(1.0, low=0.0, high=60.0, live=True)
    """A face not found for longer than this is gone. One that comes back later is a new
    one."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a frame meant for the tracks."""

    seen: tuple[tuple[int, Box], ...]
    """Track and box of every face in the frame; of found ones in the order of the
    boxes, of expected ones in that of the tracks."""
    lost: tuple[int, ...]
    """Tracks that have ended."""


_DOUBT = 0.25
"""In sides: an expected centre with this standard deviation is to be looked for."""
_RETRY_SECONDS = 0.2
"""A face that a search has missed is looked for at once, again and again, for so long.
Most come back by then; one that does not has gone, or stands behind another."""
_CROSSING = 0.05
"""Overlap of two faces from which on they could be mistaken for each other."""
_MOST_REACH = 0.5
"""In sides: how far a box is grown at most, by what its motion leaves open."""
_TRUSTED_SECONDS = 1.0
"""Longest time for which a face is expected where no search has found it."""
_PRESENT = 0.5
"""Share of its box that a face must have in the frame to be expected there."""


class _Track:
    """One face: where it moves, and since when it has not been found."""

    def __init__(self, box: Box) -> None:
        self.motion = FaceMotion(box)
        self.unseen_seconds = 0.0
        self.missed = False
        """Whether the last search did not find it."""
        self.missed_seconds = 0.0

    def advance(self, seconds: float) -> None:
        self.unseen_seconds += seconds
        if self.missed:
            self.missed_seconds += seconds
        self.motion.advance(seconds)

    def find(self, box: Box) -> None:
        self.unseen_seconds = self.missed_seconds = 0.0
        self.missed = False
        self.motion.correct(box)


class Tracker:
    """Follows faces by where their motion leads, the best overlap first."""

    def __init__(self, settings: TrackingSettings) -> None:
        self.settings = settings
        """May be replaced at any time; the tracks stay."""
        self._tracks: dict[int, _Track] = {}
        self._next = 1
        self._now = -math.inf

    def update(self, boxes: Sequence[Box], now: float) -> Tracked:
        """Match the faces that a detector found in a frame to the tracks.

        Args:
            boxes: one a face, in pixels; one that is no box is passed over.
            now: seconds on a steady clock. Should it jump back, no time has passed.

        Returns:
            The boxes as they were found, with their tracks.
        """
        lost = self._advance(now)
        boxes = [box for box in boxes if is_box(box)]
        numbers = self._match(boxes)
        for number, track in self._tracks.items():
            track.missed = number not in numbers.values()
        for index, box in enumerate(boxes):
            if index in numbers:
                self._tracks[numbers[index]].find(box)
            else:
                numbers[index] = self._next
                self._tracks[self._next] = _Track(box)
                self._next += 1
        seen = tuple((numbers[index], box) for index, box in enumerate(boxes))
        return Tracked(seen, lost)

    def predict(self, now: float, height: int, width: int) -> Tracked:
        """Tell where the faces are in a frame that no detector has searched.

        Only those that the last search found, a second ago at most, and that have not
        left the frame since: what is not there must not be taken for a face.

        Args:
            now: seconds on a steady clock.
            height: of the frame, pixels.
            width: of the frame, pixels.
        """
        lost = self._advance(now)
        frame = Box(0.0, 0.0, width, height)
        seen = []
        for number, track in self._tracks.items():
            if track.missed or track.unseen_seconds > _TRUSTED_SECONDS:
                continue
            box = track.motion.expected()
            if shared_area(box, frame) >= _PRESENT * box.width * box.height:
                seen.append((number, box))
        return Tracked(tuple(seen), lost)

    def complete(self) -> bool:
        """Tell whether faces are known, and all of them were found last time."""
        tracks = self._tracks.values()
        return bool(tracks) and not any(track.missed for track in tracks)

    def wanted(self, now: float) -> list[Box]:
        """Tell where to look for each face that has not been missed for a second.

        Args:
            now: seconds on a steady clock.
        """
        seconds = max(now - self._now, 0.0)
        return [
            track.motion.expected(seconds)
            for track in self._tracks.values()
            if track.unseen_seconds + seconds <= _TRUSTED_SECONDS
        ]

    def in_doubt(self, now: float) -> bool:
        """Tell whether a face must be looked for, before ``predict`` can be relied on.

        That is so for a face that a search has just missed; for one whose motion is
        not known well enough, as that of a new face; and while two cross.
        """
        seconds = max(now - self._now, 0.0)
        tracks = self._tracks.values()
        here = [track for track in tracks if not track.missed]
        boxes = [track.motion.expected() for track in here]
        return (
            any(
                t.missed and t.missed_seconds + seconds <= _RETRY_SECONDS
                for t in tracks
            )
            or any(track.motion.doubt(seconds) > _DOUBT for track in here)
            or any(overlap(*pair) > _CROSSING for pair in combinations(boxes, 2))
        )

    def _advance(self, now: float) -> tuple[int, ...]:
        """Let time pass, and forget what has been out of sight for too long."""
        seconds = max(now - self._now, 0.0) if self._tracks else 0.0
        self._now = now
        for track in self._tracks.values():
            track.advance(seconds)
        lost = tuple(
            number
            for number, track in self._tracks.items()
            if track.unseen_seconds > self.settings.lost_seconds
        )
        for number in lost:
            del self._tracks[number]
        return lost

    def _match(self, boxes: Sequence[Box]) -> dict[int, int]:
        """Return the number of the track of each box that has one, by its index.

        First come the faces that were there a moment ago, so that one which comes
        back from behind another does not take its place. Last, of those left over,
        boxes are grown by what is not known of the motion: a new face that walks past
        quickly leaves its first box at once.
        """
        numbers: dict[int, int] = {}
        here = {n: track for n, track in self._tracks.items() if not track.missed}
        away = {n: track for n, track in self._tracks.items() if track.missed}
        for tracks, reaching in ((here, False), (away, False), (here | away, True)):
            pairs = []
            for number, track in tracks.items():
                if number in numbers.values():
                    continue
                reach = (
                    min(2.0 * track.motion.doubt(), _MOST_REACH) if reaching else 0.0
                )
                expected = grown(track.motion.expected(), reach)
                for index, box in enumerate(boxes):
                    if index not in numbers:
                        share = likeness(expected, grown(box, reach))
                        if share >= self.settings.min_overlap:
                            pairs.append((-share, number, index))
            numbers |= _best(pairs)
        return numbers


def _best(pairs: Iterable[tuple[float, int, int]]) -> dict[int, int]:
    """Pair off by the least first figure: (figure, number, index) -> index: number.

    The assignment that is best in sum (Hungarian) confused simulated people no less.
    """
    numbers: dict[int, int] = {}
    taken = set()
    for _, number, index in sorted(pairs):
        if index not in numbers and number not in taken:
            numbers[index] = number
            taken.add(number)
    return numbers
