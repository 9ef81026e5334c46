"""A frame in, its events out: detect, track, crop, classify, tell episodes."""

import dataclasses
from datetime import datetime

from fer_contract.preprocess import crop_face
from fer_edge.cameras import Frame
from fer_edge.classifiers import Classifier
from fer_edge.detectors import Detector
from fer_edge.episodes import Change, Episodes, EpisodeSettings
from fer_edge.events import Event
from fer_edge.moment import Moment
from fer_edge.tracking import Tracker, TrackingSettings


class Pipeline:
    """Everything between a camera and its publishers, for one camera.

    Args:
        camera: what events call it.
        detector: finds faces.
        classifier: scores them.
        tracking: how faces are followed.
        episodes: when something is told; a threshold of 0 takes the model's own.
    """

    def __init__(
        self,
        camera: str,
        detector: Detector,
        classifier: Classifier,
        tracking: TrackingSettings,
        episodes: EpisodeSettings,
    ) -> None:
        self._camera = camera
        self._detector = detector
        self._classifier = classifier
        self._tracker = Tracker(tracking)
        threshold = episodes.threshold or classifier.threshold
        self._episodes = Episodes(dataclasses.replace(episodes, threshold=threshold))
        self._seq = 0
        self._last: Moment | None = None
        self.faces = 0
        """Classified so far, each frame's counted anew."""

    def process(self, frame: Frame) -> list[Event]:
        """Return what a frame brought to light, in the order to be told."""
        now = self._last = frame.taken
        boxes = self._detector.detect(frame.pixels)
        tracked = self._tracker.update(boxes, now.seconds)
        changes: list[Change] = []
        for track in tracked.lost:
            changes += self._episodes.lose(track, now)
        for track, box in tracked.seen:
            face = crop_face(frame.pixels, box, self._classifier.input)
            scores = self._classifier.scores(face)
            changes += self._episodes.observe(track, scores, now)
        self.faces += len(boxes)
        return [self._event(change) for change in changes]

    def close(self) -> list[Event]:
        """End every episode, at the time of the last frame."""
        if self._last is None:
            return []
        return [self._event(change) for change in self._episodes.close(self._last)]

    def _event(self, change: Change) -> Event:
        self._seq += 1
        return Event(
            type=change.type,
            id=_episode_id(self._camera, change.track, change.started.at),
            seq=self._seq,
            camera=self._camera,
            track=change.track,
            emotion=change.emotion,
            score=round(change.score, 4),
            scores={label: round(score, 4) for label, score in change.scores.items()},
            started_at=change.started.at,
            at=change.now.at,
            ended_at=change.ended.at if change.ended else None,
            replayed=False,
            model=self._classifier.name,
        )


def _episode_id(camera: str, track: int, started: datetime) -> str:
    """Name an episode by its camera, the wall time of its beginning, and its track.

    So a daemon that is restarted gives new names, and replays of one recording from
    the same start give the same names.
    """
    return f"{camera}-{started:%Y%m%dT%H%M%S%f}-{track}"
