"""What a model's record becomes, event by event."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.models.probation import (
    MOST_FAILURES,
    MOST_REBOOTS,
    Activated,
    Begun,
    Ended,
    Event,
    Failed,
    Lasted,
    Record,
    Run,
    Stage,
    on_probation,
    step,
)

_NONE: frozenset[Run] = frozenset()


def _run(number: int, boot: str = "boot") -> Run:
    return Run(boot, number, 100 + number)


def _after(*events: Event, record: Record = Record()) -> Record:  # noqa: B008
    return reduce(step, events, record)


def test_a_run_that_lasts() -> None:
    """It is trusted, and nothing of its probation is left."""
    run = _run(1)
    record = _after(Activated(), Begun(run, _NONE), Lasted(run))
    assert record == Record(Stage.PASSED)
    assert _after(Ended(run), Activated(), record=record) == record


def test_a_start_without_an_end() -> None:
    """The daemon died with it; the second time it has failed."""
    first, second, third = map(_run, (1, 2, 3))
    record = _after(Activated(), Begun(first, _NONE), Begun(second, _NONE))
    assert (record.stage, record.failures) == (Stage.PROBATION, 1)
    record = step(record, Begun(third, _NONE))
    assert (record.stage, record.failures) == (Stage.FAILED, 2)
    assert record.reason == "the daemon died with it"
    assert record.runs == ()


def test_a_start_that_ended_in_order() -> None:
    """A stop, and a start after it, say nothing against the model, however often."""
    record = _after(Activated())
    for number in range(9):
        run = _run(number)
        record = _after(Begun(run, _NONE), Ended(run), record=record)
    assert record == Record(Stage.PROBATION)


def test_a_second_daemon() -> None:
    """What still goes on has not died; one that lasts is enough for both."""
    first, second = _run(1), _run(2)
    record = _after(Activated(), Begun(first, _NONE), Begun(second, frozenset({first})))
    assert (record.failures, record.runs) == (0, (first, second))
    assert step(record, Lasted(second)).stage is Stage.PASSED


def test_a_refusal() -> None:
    """It counts, and the second one is enough; the reason is kept."""
    first, second = _run(1), _run(2)
    record = _after(Activated(), Begun(first, _NONE), Failed(first, "golden"))
    assert (record.stage, record.failures) == (Stage.PROBATION, 1)
    record = _after(Begun(second, _NONE), Failed(second, "again"), record=record)
    assert (record.stage, record.reason) == (Stage.FAILED, "again")


def test_a_pulled_plug() -> None:
    """A machine restarted in the midst counts for little, but five times is enough."""
    record = _after(Activated(), Begun(_run(0, "0"), _NONE))
    for number in range(1, MOST_REBOOTS):
        record = step(record, Begun(_run(number, str(number)), _NONE))
        assert (record.stage, record.failures) == (Stage.PROBATION, 0)
        assert record.reboots == number
    record = step(record, Begun(_run(9, "last"), _NONE))
    assert record.stage is Stage.FAILED
    assert record.reason == "the machine was restarted 5 times with it"


def test_a_trusted_model_that_is_refused() -> None:
    """A card may fail to be read once; twice in a row it has failed."""
    run, trusted = _run(1), Record(Stage.PASSED)
    once = step(trusted, Failed(run, "damaged"))
    assert (once.stage, once.failures) == (Stage.PASSED, 1)
    assert step(once, Lasted(run)) == trusted
    assert step(once, Failed(run, "damaged")).stage is Stage.FAILED


def test_a_trusted_model_that_is_started() -> None:
    """Nothing is written down: neither its starts nor what becomes of them."""
    trusted = Record(Stage.PASSED)
    assert step(trusted, Begun(_run(1), _NONE)) is trusted


def test_a_failed_model_that_is_wanted_again() -> None:
    """It has all of its chances again."""
    failed = Record(Stage.FAILED, failures=2, reason="golden")
    assert step(failed, Begun(_run(1), _NONE)) is failed
    assert step(failed, Lasted(_run(1))) is failed
    assert step(failed, Activated()) == Record(Stage.PROBATION)


_RUNS = st.builds(Run, st.sampled_from("ab"), st.integers(1, 3), st.just(7))
_EVENTS = st.one_of(
    st.just(Activated()),
    st.builds(Begun, _RUNS, st.frozensets(_RUNS)),
    st.builds(Failed, _RUNS, st.just("reason")),
    st.builds(Lasted, _RUNS),
    st.builds(Ended, _RUNS),
)


@given(st.lists(_EVENTS, max_size=30))
def test_whatever_happens(events: list[Event]) -> None:
    """Only wanting it again takes a failure back, and failures are bounded."""
    record = Record()
    for event in events:
        new = step(record, event)
        if record.stage is Stage.FAILED and not isinstance(event, Activated):
            assert new.stage is Stage.FAILED
        if record.stage is Stage.PASSED and isinstance(event, Begun):
            assert new == record
        if new.stage is Stage.PASSED:
            assert new.failures < MOST_FAILURES
        if on_probation(new):
            assert new.failures < MOST_FAILURES
            assert new.reboots < MOST_REBOOTS
        record = new
