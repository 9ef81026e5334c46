"""How old events are, whatever the clocks do."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.moment import Moment
from fer_edge.outbox.ageing import AgeClock, Reading

_DAY = 86_400.0
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_BOOT = datetime(1970, 1, 1, tzinfo=UTC)
_runs = st.lists(
    st.tuples(
        st.floats(0.0, 1e6),  # how long it takes until the file can be opened
        st.floats(0.0, 1e6),  # how long it goes on after that
        st.datetimes(
            datetime(1970, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)
        ),
        st.floats(0.0, 1e9),  # the steady clock at its beginning
    ),
    max_size=6,
)


def _moment(seconds: float, at: datetime) -> Moment:
    return Moment(seconds, at)


def _reading(clock: AgeClock, now: Moment) -> Reading:
    return Reading(clock.read(now.seconds), now.at.timestamp())


def test_time_off() -> None:
    """Between two runs events grow as much older as the wall clock says."""
    last = Reading(100.0, _NOW.timestamp())
    begun = _moment(5.0, _NOW + timedelta(days=3))
    clock = AgeClock.resume(last, begun, begun)
    assert 3 * _DAY <= clock.read(5.0) - 100.0 < 3 * _DAY + 2.0


def test_clock_that_wakes_in_1970() -> None:
    """The time that a device was off is then unknown, and counts nothing."""
    last = Reading(100.0, _NOW.timestamp())
    begun = _moment(5.0, _BOOT)
    assert AgeClock.resume(last, begun, begun).read(5.0) - 100.0 < 2.0


def test_clock_that_was_in_1970() -> None:
    """56 years between two runs are a clock that was set."""
    last = Reading(100.0, _BOOT.timestamp())
    begun = _moment(5.0, _NOW)
    assert AgeClock.resume(last, begun, begun).read(5.0) - 100.0 < 2.0


def test_file_that_opens_late() -> None:
    """The time off ends where the run begins, not where the file can be opened."""
    last = Reading(100.0, _NOW.timestamp())
    begun = _moment(5.0, _NOW + timedelta(days=3))
    later = _moment(5.0 + _DAY, _NOW + timedelta(days=4))
    late = AgeClock.resume(last, begun, later)
    assert late == AgeClock.resume(last, begun, begun)


@given(_runs)
def test_any_clocks(
    runs: list[tuple[float, float, datetime, float]],
) -> None:
    """It never goes back, and tells this run's events from those of earlier ones."""
    last = Reading(0.0, 0.0)
    for wait, rest, at, seconds in runs:
        begun = _moment(seconds, at)
        opened = _moment(seconds + wait, at + timedelta(seconds=wait))
        clock = AgeClock.resume(last, begun, opened)
        assert clock.since(last.age) == -math.inf
        assert math.isclose(clock.since(clock.read(seconds)), seconds, abs_tol=1e-3)
        assert clock.read(seconds) > last.age
        end = _moment(opened.seconds + rest, opened.at + timedelta(seconds=rest))
        last = _reading(clock, end)
