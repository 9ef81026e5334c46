"""When the Edge TPU is started again, as rules that hold whatever happens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.classifiers import ModelSettings
from fer_edge.classifiers.recovery import (
    Due,
    Event,
    Failed,
    Passed,
    Phase,
    Recovery,
    forgive,
    step,
)

_SETTINGS = ModelSettings(
    edgetpu_restart_first_seconds=1.0,
    edgetpu_restart_longest_seconds=4.0,
    edgetpu_failures=5,
    edgetpu_retry_seconds=600.0,
)
_events = st.one_of(
    st.just(Due()),
    st.just(Passed()),
    st.builds(Failed, st.sampled_from(["hangs", "busy"])),
)
_settings = st.builds(
    ModelSettings,
    edgetpu_restart_first_seconds=st.floats(0.1, 10.0),
    edgetpu_restart_longest_seconds=st.floats(0.1, 100.0),
    edgetpu_failures=st.integers(1, 9),
    edgetpu_retry_seconds=st.floats(1.0, 1000.0),
)
_stories = st.lists(st.tuples(st.floats(0.0, 50.0), _events), max_size=60)


def _told(
    story: list[tuple[float, Event]], settings: ModelSettings
) -> list[tuple[float, Event, Recovery]]:
    """Go through a story of pauses and events: time, event, and where things stood."""
    now, recovery, told = 0.0, Recovery.begin(0.0), []
    for pause, event in story:
        now += pause
        recovery = step(recovery, event, now, settings)
        told.append((now, event, recovery))
    return told


def _started(now: float = 0.0) -> Recovery:
    return step(Recovery.begin(now), Due(), now, _SETTINGS)


def test_first_start() -> None:
    """It is due at once."""
    started = _started(3.0)
    assert (started.phase, started.starts, started.due) == (Phase.STARTING, 1, math.inf)
    assert (started.since, started.reason) == (3.0, "starting")


def test_self_test_passed() -> None:
    """The Edge TPU answers from then on, and there is nothing to explain."""
    ready = step(_started(), Passed(), 2.0, _SETTINGS)
    assert (ready.phase, ready.since, ready.reason) == (Phase.READY, 2.0, "")


def test_pauses() -> None:
    """Each is twice the last, up to the longest; then comes the rest."""
    recovery, now, pauses = _started(), 0.0, []
    for _ in range(7):
        recovery = step(recovery, Failed("hangs"), now, _SETTINGS)
        pauses.append(recovery.due - now)
        assert step(recovery, Due(), recovery.due - 0.001, _SETTINGS) is recovery
        now = recovery.due
        recovery = step(recovery, Due(), now, _SETTINGS)
        assert recovery.phase is Phase.STARTING
    assert pauses == [1.0, 2.0, 4.0, 4.0, 600.0, 600.0, 600.0]
    assert (recovery.failures, recovery.starts, recovery.since) == (7, 8, 0.0)


@pytest.mark.parametrize(("worked", "failures"), [(3.9, 3), (4.0, 1)])
def test_failure_after_work(worked: float, failures: int) -> None:
    """One that has worked for the longest pause fails for the first time."""
    recovery = _started()
    for _ in range(2):
        recovery = step(recovery, Failed("hangs"), 0.0, _SETTINGS)
        recovery = step(recovery, Due(), recovery.due, _SETTINGS)
    ready = step(recovery, Passed(), 10.0, _SETTINGS)
    end = 10.0 + worked
    assert forgive(ready, end, _SETTINGS).failures == failures - 1
    failed = step(ready, Failed("hangs"), end, _SETTINGS)
    assert (failed.failures, failed.since) == (failures, end)


def test_hopeless_failure() -> None:
    """Nothing is started any more, however much time passes."""
    given_up = step(_started(), Failed("no library", True), 1.0, _SETTINGS)
    assert (given_up.phase, given_up.reason) == (Phase.GIVEN_UP, "no library")
    for event in (Due(), Passed(), Failed("again")):
        assert step(given_up, event, 1e9, _SETTINGS) is given_up


@given(story=_stories, settings=_settings)
def test_starts_and_pauses(
    story: list[tuple[float, Event]], settings: ModelSettings
) -> None:
    """No start comes sooner after a failure than its pause; no pause is too long."""
    failed_at: float | None = None
    old = Recovery.begin(0.0)
    for now, event, new in _told(story, settings):
        if new.starts > old.starts:
            assert new.starts == old.starts + 1
            if failed_at is not None:
                assert now >= old.due
                rests = old.failures >= settings.edgetpu_failures
                first = settings.edgetpu_restart_first_seconds
                longest = settings.edgetpu_restart_longest_seconds
                wanted = settings.edgetpu_retry_seconds if rests else longest
                least = wanted if rests else min(first, longest)
                # Differences of times are rounded.
                assert now - failed_at >= least - 1e-9
                assert old.due - failed_at <= wanted * (1.0 + 1e-9) + 1e-9
        # One in a row may follow one that is forgotten: the number stays the same then.
        if isinstance(event, Failed) and new != old:
            failed_at = now
        old = new


@given(story=_stories, settings=_settings)
def test_only_what_passed_answers(
    story: list[tuple[float, Event]], settings: ModelSettings
) -> None:
    """The Edge TPU answers only after its self-test, and until its next failure."""
    old = Recovery.begin(0.0)
    for now, event, new in _told(story, settings):
        if new.phase is Phase.READY and old.phase is not Phase.READY:
            assert old.phase is Phase.STARTING
            assert isinstance(event, Passed)
        if isinstance(event, Failed):
            assert new.phase not in (Phase.STARTING, Phase.READY)
        assert (new.reason == "") == (new.phase is Phase.READY)
        assert (new.due < math.inf) == (new.phase in (Phase.WAITING, Phase.RESTING))
        # What answers has changed exactly when the time says so.
        changed = (new.phase is Phase.READY) != (old.phase is Phase.READY)
        assert new.since == (now if changed else old.since)
        old = new


@given(story=_stories, settings=_settings)
def test_failures_in_a_row(
    story: list[tuple[float, Event]], settings: ModelSettings
) -> None:
    """They are counted one by one, and begin anew only after long work."""
    old = Recovery.begin(0.0)
    for now, event, new in _told(story, settings):
        if new.failures != old.failures + 1 and new is not old:
            worked = now - old.since >= settings.edgetpu_restart_longest_seconds
            anew = isinstance(event, Failed) and old.phase is Phase.READY and worked
            assert new.failures == (1 if anew else old.failures)
        resting = new.failures >= settings.edgetpu_failures
        if new.phase in (Phase.WAITING, Phase.RESTING) and new.failures:
            assert (new.phase is Phase.RESTING) == resting
        old = new
