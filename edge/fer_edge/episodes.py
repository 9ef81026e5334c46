"""From scores a frame to episodes: when a face has begun and ceased to show something.

Everything is measured in seconds, not in frames, so that a slow device decides like a
fast one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fer_contract.labels import UNCERTAIN
from fer_edge.events import EventType
from fer_edge.moment import Moment
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """When a face begins and ceases to show an emotion."""

    smoothing_seconds: float = option(0.5, low=0.0, high=60.0, live=True)
    """Time constant of the exponential mean over a face's scores; 0 is no mean. Longer
    is calmer and later."""
    threshold: float = option(0.0, low=0.0, high=1.0, live=True)
    """Score that an emotion needs to begin; below it the face is "uncertain". 0 takes
    the model's own threshold, which its bundle carries."""
    hysteresis: float = option(0.1, low=0.0, high=1.0, live=True)
    """An emotion that has begun lasts until its score is more than this below the
    threshold, or another label's is higher."""
    trigger_seconds: float = option(0.3, low=0.0, high=60.0, live=True)
    """How long something must be seen before it begins."""
    refractory_seconds: float = option(2.0, low=0.0, high=3600.0, live=True)
    """Least time between two beginnings on one face."""
    update_seconds: float = option(5.0, low=0.0, high=3600.0, live=True)
    """Time between updates while an episode lasts; 0 is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """An episode began, goes on, or ended."""

    type: EventType
    track: int
    emotion: str
    score: float
    scores: Mapping[str, float]
    started: Moment
    """When the face began to show it, ``trigger_seconds`` before that is told."""
    now: Moment
    ended: Moment | None = None
    """When the face ceased to show it, or was last seen; only of an end."""

    @property
    def dwell_seconds(self) -> float:
        """How long the face has shown it, by the steady clock."""
        return (self.ended or self.now).seconds - self.started.seconds


@dataclass(slots=True)
class _Episode:
    emotion: str
    started: Moment
    told_seconds: float
    """When something was last told of it."""
    scores: dict[str, float]
    """When the face last showed it, so that an end tells of what has ended."""


@dataclass(slots=True)
class _Face:
    """What is remembered of one track."""

    scores: dict[str, float]
    seen: Moment
    candidate: str
    candidate_since: Moment
    episode: _Episode | None = None
    begun_seconds: float = -math.inf


class Episodes:
    """Keeps every track's own window, candidate and episode."""

    def __init__(self, settings: EpisodeSettings) -> None:
        self.settings = settings
        """May be replaced at any time; episodes that have begun go on."""
        self._faces: dict[int, _Face] = {}

    def observe(
        self, track: int, scores: Mapping[str, float], now: Moment
    ) -> list[Change]:
        """Take in the scores of one face of one frame.

        Args:
            track: the face.
            scores: 0 to 1 a label.
            now: of the frame.

        Returns:
            What is to be told, in order: at most an end and a beginning, or an update.
            Scores of other labels than before, as of another model, end the episode.
        """
        known = self._faces.get(track)
        if known is None:
            return self._take_in(track, scores, now)
        now = _not_before(known.seen, now)
        if known.scores.keys() == scores.keys():
            return self._take_in(track, scores, now)
        # Another model: what the last one saw is over, but not the refractory time.
        changes = self.lose(track, now)
        self._faces[track] = _Face(
            dict(scores), now, "", now, begun_seconds=known.begun_seconds
        )
        return changes + self._take_in(track, scores, now)

    def lose(self, track: int, now: Moment) -> list[Change]:
        """Forget a face that is gone, ending its episode."""
        face = self._faces.pop(track, None)
        if face is None:
            return []
        return self._end(track, face, _not_before(face.seen, now), face.seen)

    def showing(self, track: int) -> str:
        """Name the emotion of a face's episode; empty while it has none."""
        face = self._faces.get(track)
        return face.episode.emotion if face and face.episode else ""

    def close(self, now: Moment) -> list[Change]:
        """Forget all faces, as at the end of the program."""
        return [
            change for track in list(self._faces) for change in self.lose(track, now)
        ]

    def _take_in(
        self, track: int, scores: Mapping[str, float], now: Moment
    ) -> list[Change]:
        face = self._smooth(track, scores, now)
        emotion = self._shown(face)
        if emotion != face.candidate:
            face.candidate, face.candidate_since = emotion, now
        if face.episode is not None and face.episode.emotion == emotion:
            face.episode.scores = dict(face.scores)
            return self._update(track, face, now)
        held = now.seconds - face.candidate_since.seconds
        rested = now.seconds - face.begun_seconds
        if held < self.settings.trigger_seconds:
            return []
        changes = self._end(track, face, now, face.candidate_since)
        if rested < self.settings.refractory_seconds:
            return changes
        face.episode = _Episode(
            emotion, face.candidate_since, now.seconds, dict(face.scores)
        )
        face.begun_seconds = now.seconds
        return [*changes, self._change(EventType.NEW, track, face.episode, now)]

    def _smooth(self, track: int, scores: Mapping[str, float], now: Moment) -> _Face:
        face = self._faces.get(track)
        if face is None:
            face = _Face(dict(scores), now, "", now)
            self._faces[track] = face
            return face
        elapsed = now.seconds - face.seen.seconds
        constant = self.settings.smoothing_seconds
        kept = math.exp(-elapsed / constant) if constant > 0 else 0.0
        for label, score in scores.items():
            face.scores[label] = kept * face.scores[label] + (1.0 - kept) * score
        face.seen = now
        return face

    def _shown(self, face: _Face) -> str:
        """Name what the face shows now, favouring what it has been showing."""
        threshold = self.settings.threshold
        best = max(face.scores, key=lambda label: face.scores[label])
        if face.scores[best] >= threshold:
            return best
        current = face.episode.emotion if face.episode else UNCERTAIN
        lasting = face.scores.get(current, 0.0) >= threshold - self.settings.hysteresis
        return current if lasting and current == best else UNCERTAIN

    def _update(self, track: int, face: _Face, now: Moment) -> list[Change]:
        episode, interval = face.episode, self.settings.update_seconds
        if episode is None or interval == 0:
            return []
        if now.seconds - episode.told_seconds < interval:
            return []
        episode.told_seconds = now.seconds
        return [self._change(EventType.UPDATE, track, episode, now)]

    def _end(self, track: int, face: _Face, now: Moment, ended: Moment) -> list[Change]:
        episode, face.episode = face.episode, None
        if episode is None:
            return []
        change = self._change(EventType.END, track, episode, now)
        return [replace(change, ended=ended)]

    @staticmethod
    def _change(kind: EventType, track: int, episode: _Episode, now: Moment) -> Change:
        scores = episode.scores
        score = scores.get(episode.emotion, max(scores.values()))
        return Change(kind, track, episode.emotion, score, scores, episode.started, now)


def _not_before(seen: Moment, now: Moment) -> Moment:
    """Let a steady clock that jumps back stand still instead."""
    return replace(now, seconds=max(seen.seconds, now.seconds))
