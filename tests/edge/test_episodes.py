"""Episodes: when a face has begun and ceased to show something."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.episodes import Change, Episodes, EpisodeSettings
from fer_edge.events import EventType
from fer_edge.moment import Moment

_LABELS = ("happy", "sad", "surprise")
_START = datetime(2024, 1, 1, tzinfo=UTC)

HAPPY = {"happy": 0.9, "sad": 0.1, "surprise": 0.0}
SAD = {"happy": 0.1, "sad": 0.9, "surprise": 0.0}
UNSURE = {"happy": 0.4, "sad": 0.35, "surprise": 0.25}


def _moment(seconds: float) -> Moment:
    return Moment(seconds, _START + timedelta(seconds=seconds))


def _told(changes: Sequence[Change]) -> list[tuple[str, str]]:
    return [(change.type.value, change.emotion) for change in changes]


def _play(
    settings: EpisodeSettings,
    scores: Sequence[Mapping[str, float]],
    frames_per_second: float = 10.0,
) -> list[Change]:
    """Show one face's scores frame by frame; the episodes stay open."""
    episodes = Episodes(settings)
    return [
        change
        for frame, score in enumerate(scores)
        for change in episodes.observe(1, score, _moment(frame / frames_per_second))
    ]


@dataclass(frozen=True)
class Frame:
    """What a made-up frame shows."""

    pause: float
    """Seconds since the last one."""
    scores: Mapping[int, Mapping[str, float]]
    """Of each track in view."""
    lost: frozenset[int] = field(default_factory=frozenset)


def _share(weights: list[float]) -> dict[str, float]:
    total = sum(weights)
    return {
        label: weight / total for label, weight in zip(_LABELS, weights, strict=True)
    }


# Steep, so that clear winners, ties and doubtful scores all come up.
scores = st.lists(st.sampled_from([0.01, 0.3, 1.0, 10.0]), min_size=3, max_size=3).map(
    _share
)
# Another model's: one label more, one less.
other_scores = st.sampled_from([{"sad": 0.2, "angry": 0.8}, {"happy": 0.6, "sad": 0.4}])
tracks = st.integers(1, 3)
pauses = st.one_of(st.sampled_from([0.0, 0.1, 1 / 30]), st.floats(0.0, 3.0))


def _frames(pauses: st.SearchStrategy[float]) -> st.SearchStrategy[list[Frame]]:
    return st.lists(
        st.builds(
            Frame,
            pause=pauses,
            scores=st.dictionaries(
                tracks, st.one_of(scores, scores, other_scores), max_size=3
            ),
            lost=st.one_of(st.just(frozenset()), st.frozensets(tracks, max_size=1)),
        ),
        max_size=40,
    )


settings = st.builds(
    EpisodeSettings,
    smoothing_seconds=st.sampled_from([0.0, 0.1, 0.5, 5.0]),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
    hysteresis=st.sampled_from([0.0, 0.1, 1.0]),
    trigger_seconds=st.sampled_from([0.0, 0.3, 1.0]),
    refractory_seconds=st.sampled_from([0.0, 0.5, 2.0]),
    update_seconds=st.sampled_from([0.0, 0.2, 5.0]),
)


def _run(
    settings: EpisodeSettings, frames: Sequence[Frame], only: int | None = None
) -> list[Change]:
    """Play frames from beginning to close; ``only`` hides the other tracks."""
    episodes = Episodes(settings)
    changes: list[Change] = []
    now = _moment(1000.0)
    for frame in frames:
        now = _moment(now.seconds + frame.pause)
        for track in frame.lost:
            if only in (None, track):
                changes += episodes.lose(track, now)
        for track, shown in frame.scores.items():
            if only in (None, track):
                changes += episodes.observe(track, shown, now)
    return changes + episodes.close(now)


def _by_track(changes: Sequence[Change]) -> dict[int, list[Change]]:
    ordered: dict[int, list[Change]] = {}
    for change in changes:
        ordered.setdefault(change.track, []).append(change)
    return ordered


def _check_order(changes: Sequence[Change]) -> None:
    """Of one track: new, updates, end, and again; all ended, each with its times."""
    opened: Change | None = None
    for change in changes:
        if change.type is EventType.NEW:
            assert opened is None
            opened = change
        assert opened is not None
        assert change.emotion == opened.emotion
        assert change.started == opened.started
        assert change.started.seconds <= change.now.seconds
        assert change.dwell_seconds >= 0.0
        if change.type is EventType.END:
            assert change.ended is not None
            assert change.started.seconds <= change.ended.seconds <= change.now.seconds
            opened = None
        else:
            assert change.ended is None
    assert opened is None


@given(settings=settings, frames=_frames(pauses))
def test_any_scores_at_any_times(
    settings: EpisodeSettings, frames: list[Frame]
) -> None:
    """On a track one episode follows the other, and closing ends the last."""
    for changes in _by_track(_run(settings, frames)).values():
        _check_order(changes)
        for before, change in pairwise(changes):
            assert before.now.seconds <= change.now.seconds


@given(settings=settings, frames=_frames(pauses))
def test_any_scores_told(settings: EpisodeSettings, frames: list[Frame]) -> None:
    """What is told of a face lies in its scores, and these still sum to 1."""
    for change in _run(settings, frames):
        assert sum(change.scores.values()) == pytest.approx(1.0)
        if change.emotion == "uncertain":
            assert change.score == max(change.scores.values())
        else:
            assert change.score == change.scores[change.emotion]
        if change.type is EventType.UPDATE:
            assert settings.update_seconds > 0.0


@given(settings=settings, frames=_frames(pauses))
def test_refractory_time(settings: EpisodeSettings, frames: list[Frame]) -> None:
    """A face never begins twice within refractory_seconds."""
    without_loss = [Frame(frame.pause, frame.scores) for frame in frames]
    for changes in _by_track(_run(settings, without_loss)).values():
        begun = [
            change.now.seconds for change in changes if change.type is EventType.NEW
        ]
        for first, second in pairwise(begun):
            assert second - first >= settings.refractory_seconds


@given(settings=settings, frames=_frames(pauses))
def test_other_faces(settings: EpisodeSettings, frames: list[Frame]) -> None:
    """What is told of a face does not depend on the others in view."""
    together = _by_track(_run(settings, frames))
    for track in (1, 2, 3):
        alone = _run(settings, frames, only=track)
        # At the end all are closed at the time of the last frame, alone or not.
        assert together.get(track, []) == alone


@given(settings=settings, frames=_frames(st.floats(-50.0, 50.0)))
def test_clock_that_jumps_back(settings: EpisodeSettings, frames: list[Frame]) -> None:
    """A clock that jumps back breaks no order, and lets nothing end before it began."""
    for changes in _by_track(_run(settings, frames)).values():
        _check_order(changes)


def test_clock_that_stands_still() -> None:
    """While no time passes nothing is told, and no score is lost or added."""
    episodes = Episodes(EpisodeSettings(threshold=0.5, trigger_seconds=0.25))
    for _ in range(100):
        assert episodes.observe(1, HAPPY, _moment(5.0)) == []
    (begun,) = episodes.observe(1, HAPPY, _moment(5.25))
    assert begun.scores == pytest.approx(HAPPY)
    assert begun.started == _moment(5.0)


@given(
    frames_per_second=st.sampled_from([5.0, 10.0, 30.0]),
    phase=st.floats(0.0, 0.99),
)
def test_frame_rate(frames_per_second: float, phase: float) -> None:
    """An episode begins and ends when the formula says, within two frame times.

    The signal is happy between second 2 and second 5, and sad before and after it.
    """
    settings = EpisodeSettings(
        threshold=0.5, smoothing_seconds=0.5, trigger_seconds=0.3, hysteresis=0.0
    )
    episodes = Episodes(settings)
    changes: list[Change] = []
    for frame in range(int(8 * frames_per_second)):
        seconds = (frame + phase) / frames_per_second
        shown = HAPPY if 2.0 <= seconds < 5.0 else SAD
        changes += episodes.observe(1, shown, _moment(seconds))
    happy = [change for change in changes if change.emotion == "happy"]
    begun, ended = happy
    assert (begun.type, ended.type) == (EventType.NEW, EventType.END)
    assert ended.ended is not None
    # Half-way between 0.1 and 0.9 after tau * ln 2, by the law of the first order.
    half_way = 0.5 * math.log(2.0)
    frames = 1.0 / frames_per_second
    # By the second change not all of the first has settled: e^-6 of it is missing.
    assert begun.started.seconds == pytest.approx(2.0 + half_way, abs=frames + 0.01)
    assert begun.now.seconds == pytest.approx(2.3 + half_way, abs=2 * frames + 0.01)
    assert ended.ended.seconds == pytest.approx(5.0 + half_way, abs=frames + 0.01)
    assert ended.now.seconds == pytest.approx(5.3 + half_way, abs=2 * frames + 0.01)


# Far enough apart for each to be told, and each with a winner that leaves no doubt.
_acts = st.lists(
    st.tuples(
        st.sampled_from(
            [
                HAPPY,
                SAD,
                {"happy": 0.05, "sad": 0.05, "surprise": 0.9},
                {"happy": 0.34, "sad": 0.33, "surprise": 0.33},
            ]
        ),
        st.floats(3.0, 6.0),
    ),
    min_size=1,
    max_size=6,
)


def _sample(
    acts: Sequence[tuple[Mapping[str, float], float]], frames_per_second: float
) -> list[Change]:
    """Show one face what it acts, as a camera of a frame rate sees it."""
    settings = EpisodeSettings(threshold=0.5, update_seconds=0.0)
    episodes = Episodes(settings)
    changes: list[Change] = []
    frame, end = 0, 0.0
    for shown, seconds in acts:
        end += seconds
        while frame / frames_per_second < end:
            now = _moment(frame / frames_per_second)
            changes += episodes.observe(1, shown, now)
            frame += 1
    return changes + episodes.close(_moment(end))


@given(acts=_acts, frames_per_second=st.sampled_from([5.0, 7.5, 10.0, 15.0]))
def test_two_frame_rates(
    acts: list[tuple[Mapping[str, float], float]], frames_per_second: float
) -> None:
    """A slow camera brings the episodes of a fast one, within a frame time."""
    slow, fast = _sample(acts, frames_per_second), _sample(acts, 30.0)
    assert _told(slow) == _told(fast)
    either = 1.0 / frames_per_second + 1.0 / 30.0
    for one, other in zip(slow, fast, strict=True):
        assert one.started.seconds == pytest.approx(other.started.seconds, abs=either)
        if one.ended is not None and other.ended is not None:
            assert one.ended.seconds == pytest.approx(other.ended.seconds, abs=either)


def test_dwell_time() -> None:
    """It counts from when the face was first seen to show it, to its end."""
    settings = EpisodeSettings(
        threshold=0.5, smoothing_seconds=0.0, trigger_seconds=0.5, update_seconds=2.0
    )
    episodes = Episodes(settings)
    changes: list[Change] = []
    for frame in range(12):
        changes += episodes.observe(1, HAPPY, _moment(frame / 4.0))
    changes += episodes.lose(1, _moment(9.0))
    assert [(change.type.value, change.dwell_seconds) for change in changes] == [
        ("new", 0.5),
        ("update", 2.5),
        ("end", 2.75),
    ]


def test_wall_clock_that_jumps_back() -> None:
    """The time of day is told as it is, and lengths by the steady clock."""
    episodes = Episodes(EpisodeSettings(threshold=0.5, update_seconds=0.0))
    changes: list[Change] = []
    for frame in range(100):
        seconds = frame / 10.0
        summer = timedelta(hours=1 if frame < 50 else 0)
        at = _START + summer + timedelta(seconds=seconds)
        changes += episodes.observe(1, HAPPY, Moment(seconds, at))
    changes += episodes.close(Moment(9.9, _START + timedelta(seconds=9.9)))
    begun, ended = changes
    assert ended.ended is not None
    assert begun.started.at == ended.started.at == _START + timedelta(hours=1)
    assert ended.ended.at == _START + timedelta(seconds=9.9)
    assert ended.dwell_seconds == 9.9


def test_scores_of_another_model() -> None:
    """Other labels end the episode where it was, and begin a new one in due time."""
    settings = EpisodeSettings(
        threshold=0.5, trigger_seconds=0.0, refractory_seconds=2.0
    )
    episodes = Episodes(settings)
    (begun,) = episodes.observe(1, HAPPY, _moment(0.0))
    assert episodes.observe(1, HAPPY, _moment(0.5)) == []
    other = {"angry": 0.8, "happy": 0.2}
    (ended,) = episodes.observe(1, other, _moment(1.0))
    assert (ended.type, ended.ended) == (EventType.END, _moment(0.5))
    assert ended.scores == pytest.approx(HAPPY)
    assert episodes.observe(1, other, _moment(1.9)) == []
    (again,) = episodes.observe(1, other, _moment(2.0))
    assert (again.type, again.emotion) == (EventType.NEW, "angry")
    assert again.started == _moment(1.0)
    assert begun.emotion == "happy"


def test_first_episode() -> None:
    """It is told after trigger_seconds, and has begun when it was first seen."""
    settings = EpisodeSettings(threshold=0.5, trigger_seconds=0.3)
    (begun,) = _play(settings, [HAPPY] * 10, frames_per_second=8.0)
    assert (begun.type, begun.emotion) == (EventType.NEW, "happy")
    assert begun.started == _moment(0.0)
    assert begun.now == _moment(0.375)
    assert begun.ended is None


def test_one_emotion_after_the_other() -> None:
    """The end of the first comes right before the new, and ends where that starts."""
    settings = EpisodeSettings(
        threshold=0.5,
        smoothing_seconds=0.0,
        trigger_seconds=0.5,
        refractory_seconds=0.0,
    )
    changes = _play(settings, [HAPPY] * 8 + [SAD] * 8, frames_per_second=4.0)
    assert _told(changes) == [("new", "happy"), ("end", "happy"), ("new", "sad")]
    _, ended, begun = changes
    assert ended.ended == begun.started == _moment(2.0)
    assert ended.now == begun.now == _moment(2.5)


def test_change_within_the_refractory_time() -> None:
    """An end is told at once; a beginning that comes too soon waits, and may lapse."""
    settings = EpisodeSettings(
        threshold=0.5,
        smoothing_seconds=0.0,
        trigger_seconds=0.0,
        refractory_seconds=2.0,
    )
    changes = _play(settings, [HAPPY] * 2 + [SAD] * 10, frames_per_second=4.0)
    assert [change.now.seconds for change in changes] == [0.0, 0.5, 2.0]
    assert _told(changes) == [("new", "happy"), ("end", "happy"), ("new", "sad")]
    assert changes[2].started == _moment(0.5)
    brief = _play(settings, [HAPPY] * 2 + [SAD] * 4 + [HAPPY] * 20, 4.0)
    assert _told(brief)[:3] == [("new", "happy"), ("end", "happy"), ("new", "happy")]
    assert brief[2].started == _moment(1.5)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize(
    "odd", [SAD, UNSURE, {"happy": 0.0, "sad": 1.0, "surprise": 0.0}]
)
def test_single_odd_frame(smoothing: float, odd: Mapping[str, float]) -> None:
    """A single odd frame neither ends an episode nor begins one."""
    settings = EpisodeSettings(threshold=0.5, smoothing_seconds=smoothing)
    changes = _play(settings, [HAPPY] * 15 + [odd] + [HAPPY] * 15)
    assert _told(changes) == [("new", "happy")]


def test_score_within_the_hysteresis() -> None:
    """What has begun lasts down to the threshold less the hysteresis, not below."""
    settings = EpisodeSettings(
        threshold=0.5, hysteresis=0.1, smoothing_seconds=0.0, refractory_seconds=0.0
    )
    lower = {"happy": 0.41, "sad": 0.33, "surprise": 0.26}
    lowest = {"happy": 0.39, "sad": 0.34, "surprise": 0.27}
    assert _told(_play(settings, [HAPPY] * 10 + [lower] * 20)) == [("new", "happy")]
    assert _told(_play(settings, [HAPPY] * 10 + [lowest] * 20)) == [
        ("new", "happy"),
        ("end", "happy"),
        ("new", "uncertain"),
    ]
    assert _told(_play(settings, [lower] * 20)) == [("new", "uncertain")]


def test_another_label_within_the_hysteresis() -> None:
    """What has begun does not last where another label scores higher."""
    settings = EpisodeSettings(
        threshold=0.5, hysteresis=0.2, smoothing_seconds=0.0, refractory_seconds=0.0
    )
    sadder = {"happy": 0.42, "sad": 0.45, "surprise": 0.13}
    assert _told(_play(settings, [HAPPY] * 10 + [sadder] * 10)) == [
        ("new", "happy"),
        ("end", "happy"),
        ("new", "uncertain"),
    ]


def test_uncertain() -> None:
    """Below the threshold the face is uncertain, with the score of the best label."""
    settings = EpisodeSettings(threshold=0.5, smoothing_seconds=0.0)
    (begun,) = _play(settings, [UNSURE] * 10)
    assert begun.emotion == "uncertain"
    assert begun.score == 0.4
    assert begun.scores == UNSURE


def test_score_at_the_threshold() -> None:
    """A score that is the threshold is enough."""
    settings = EpisodeSettings(threshold=0.4, smoothing_seconds=0.0)
    assert _told(_play(settings, [UNSURE] * 10)) == [("new", "happy")]


def test_threshold_of_0() -> None:
    """With a threshold of 0 the best label is shown, however low."""
    settings = EpisodeSettings(threshold=0.0, smoothing_seconds=0.0)
    assert _told(_play(settings, [UNSURE] * 10)) == [("new", "happy")]


def test_no_smoothing() -> None:
    """With a time constant of 0 the scores told are those of the frame."""
    settings = EpisodeSettings(
        threshold=0.5,
        smoothing_seconds=0.0,
        trigger_seconds=0.0,
        refractory_seconds=0.0,
    )
    changes = _play(settings, [HAPPY, SAD])
    assert _told(changes) == [("new", "happy"), ("end", "happy"), ("new", "sad")]
    # An end tells of what has ended, not of what came after it.
    assert [dict(change.scores) for change in changes] == [HAPPY, HAPPY, SAD]
    assert changes[1].score == HAPPY["happy"]


def test_smoothing() -> None:
    """After a time constant 63 % of a change has arrived."""
    settings = EpisodeSettings(
        threshold=0.0,
        smoothing_seconds=1.0,
        trigger_seconds=0.0,
        refractory_seconds=0.0,
    )
    episodes = Episodes(settings)
    episodes.observe(1, HAPPY, _moment(0.0))
    _, begun = episodes.observe(1, SAD, _moment(1.0))
    assert begun.scores["sad"] == pytest.approx(0.9 - 0.8 * math.exp(-1.0))


def test_updates() -> None:
    """While an episode lasts, an update comes every update_seconds."""
    settings = EpisodeSettings(threshold=0.5, trigger_seconds=0.0, update_seconds=5.0)
    changes = _play(settings, [HAPPY] * 45, frames_per_second=2.0)
    assert _told(changes) == [("new", "happy")] + [("update", "happy")] * 4
    assert [change.now.seconds for change in changes] == [0.0, 5.0, 10.0, 15.0, 20.0]
    assert {change.started.seconds for change in changes} == {0.0}


def test_no_updates() -> None:
    """With update_seconds 0 an episode has a beginning and an end only."""
    settings = EpisodeSettings(threshold=0.5, update_seconds=0.0)
    assert _told(_play(settings, [HAPPY] * 1000)) == [("new", "happy")]


def test_face_that_is_lost() -> None:
    """Its episode ended when it was last seen, and its number starts afresh."""
    episodes = Episodes(EpisodeSettings(threshold=0.5, trigger_seconds=0.0))
    episodes.observe(1, HAPPY, _moment(0.0))
    episodes.observe(1, HAPPY, _moment(0.7))
    (ended,) = episodes.lose(1, _moment(2.0))
    assert (ended.type, ended.ended) == (EventType.END, _moment(0.7))
    assert ended.now == _moment(2.0)
    assert episodes.lose(1, _moment(2.1)) == []
    (again,) = episodes.observe(1, SAD, _moment(2.2))
    assert again.scores == SAD


def test_face_that_is_lost_before_anything_began() -> None:
    """Of a face that was seen too briefly nothing is told."""
    episodes = Episodes(EpisodeSettings(threshold=0.5, trigger_seconds=0.3))
    episodes.observe(1, HAPPY, _moment(0.0))
    assert episodes.lose(1, _moment(2.0)) == []
    assert episodes.close(_moment(3.0)) == []


def test_close() -> None:
    """All open episodes are ended, each once."""
    episodes = Episodes(EpisodeSettings(threshold=0.5, trigger_seconds=0.0))
    for track in (1, 2, 3):
        episodes.observe(track, HAPPY, _moment(1.0))
    ended = episodes.close(_moment(2.0))
    assert [(change.track, change.type.value) for change in ended] == [
        (1, "end"),
        (2, "end"),
        (3, "end"),
    ]
    assert episodes.close(_moment(3.0)) == []
