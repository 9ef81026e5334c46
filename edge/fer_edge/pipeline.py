"""A frame in, its events out: detect, track, crop, classify, tell episodes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fer_contract.preprocess import Box, crop_face
from fer_edge.cameras import Frame
from fer_edge.classifiers import Classifier
from fer_edge.episodes import Change, Episodes, EpisodeSettings
from fer_edge.events import Event
from fer_edge.locating import Locator
from fer_edge.moment import Moment
from fer_edge.stages import Stage, Stopwatch
from fer_edge.tracking import TrackingSettings


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a frame, as far as the pipeline came with it."""

    track: int
    box: Box
    scores: Mapping[str, float]
    """Of this frame alone, a label, 0 to 1."""
    showing: str
    """The emotion of its episode, which is smoothed; empty while there is none."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of a frame."""

    events: tuple[Event, ...]
    faces: tuple[Face, ...]
    looked_at: bool = True
    """False where detection is switched off."""


class Pipeline:
    """Everything between a camera and its publishers, for one camera.

    Args:
        camera: what events call it.
        locator: finds and follows faces.
        classifier: scores them.
        episodes: when something is told; a threshold of 0 takes the model's own.
        last_seq: of the last event of an earlier run, after which to count on.
    """

    def __init__(
        self,
        camera: str,
        locator: Locator,
        classifier: Classifier,
        episodes: EpisodeSettings,
        last_seq: int = 0,
    ) -> None:
        self._camera = camera
        self._locator = locator
        self._classifier = classifier
        self._episodes = Episodes(_with_threshold(episodes, classifier))
        self._seq = last_seq
        self._last: Moment | None = None
        self.faces = 0
        """Classified so far, each frame's counted anew."""

    def process(self, frame: Frame, watch: Stopwatch | None = None) -> Processed:
        """Return what a frame brought to light, events in the order to be told.

        Args:
            frame: the next one.
            watch: told what each stage takes.
        """
        now = self._last = frame.taken
        watch = watch or Stopwatch()
        tracked = self._locator.locate(frame.pixels, now.seconds, watch)
        with watch.on(Stage.TELL):
            changes: list[Change] = []
            for track in tracked.lost:
                changes += self._episodes.lose(track, now)
        faces = []
        for track, box in tracked.seen:
            with watch.on(Stage.CROP):
                face = crop_face(frame.pixels, box, self._classifier.input)
            with watch.on(Stage.CLASSIFY):
                scores = self._classifier.scores(face)
            with watch.on(Stage.TELL):
                changes += self._episodes.observe(track, scores, now)
                showing = self._episodes.showing(track)
            faces.append(Face(track, box, scores, showing))
        with watch.on(Stage.TELL):
            events = tuple(self._event(change) for change in changes)
        self.faces += len(faces)
        return Processed(events, tuple(faces))

    def pass_over(self, frame: Frame) -> Processed:
        """Let a frame go by unseen: what was going on has ended with the one before."""
        news = self.close()
        self._last = frame.taken
        return Processed(tuple(news), (), looked_at=False)

    def wait(self, seconds: float) -> list[Event]:
        """End every episode if no frame has come for longer than a face may be gone.

        Args:
            seconds: since the last frame came.
        """
        if self._last is None or seconds <= self._locator.lost_seconds:
            return []
        at = self._last.at + timedelta(seconds=seconds)
        now = Moment(self._last.seconds + seconds, at)
        return [self._event(change) for change in self._episodes.close(now)]

    def reconfigure(
        self,
        episodes: EpisodeSettings,
        tracking: TrackingSettings,
        every_seconds: float,
    ) -> None:
        """Go on with other settings, between two frames; episodes and faces stay.

        Args:
            episodes: as at the beginning.
            tracking: how faces are followed.
            every_seconds: time between two searches for faces.
        """
        self._locator.reconfigure(every_seconds, tracking)
        self._episodes.settings = _with_threshold(episodes, self._classifier)

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
            dwell_seconds=round(change.dwell_seconds, 3),
            replayed=False,
            model=self._classifier.name,
        )


def _with_threshold(
    settings: EpisodeSettings, classifier: Classifier
) -> EpisodeSettings:
    threshold = settings.threshold or classifier.threshold
    return dataclasses.replace(settings, threshold=threshold)


def _episode_id(camera: str, track: int, started: datetime) -> str:
    """Name an episode by its camera, the wall time of its beginning, and its track.

    So a daemon that is restarted gives new names, and replays of one recording from
    the same start give the same names.
    """
    return f"{camera}-{started:%Y%m%dT%H%M%S%f}-{track}"
