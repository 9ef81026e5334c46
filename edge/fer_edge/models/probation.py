"""Whether a model is trusted: it has to last, or the last good one comes back.

A model that was made active is on probation. A start of the daemon with it is written
down before the model is loaded, and its end when it is an orderly one: so a start
without an end has killed the process, also where native code ended it. Time is counted
within one run of the daemon, by a clock that nobody sets: a Raspberry Pi knows the time
of day only once it has found a server to ask.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_FAILURES = 2
"""After so many a model is not started again: refused, or the daemon died with it."""

MOST_REBOOTS = 5
"""So many restarts of the machine in the midst of it are a failure. One says little, a
plug is soon pulled; but a model may also starve the machine until its watchdog acts."""


class Stage(StrEnum):
    """How far a model has come on this device."""

    INSTALLED = "installed"
    PROBATION = "on probation"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a daemon."""

    boot: str
    """Of the machine: another text after each."""
    pid: int
    began: int
    """When the process began, by the kernel: tells it from a later one of its id."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a model."""

    stage: Stage = Stage.INSTALLED
    failures: int = 0
    reboots: int = 0
    """Of the machine, while the model was on probation."""
    reason: str = ""
    """Of the last failure."""
    runs: tuple[Run, ...] = ()
    """That began on probation, and of whose end nothing is known."""


@dataclass(frozen=True, slots=True)
class Activated:
    """Somebody wants it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The daemon is about to load it."""

    run: Run
    alive: Set[Run]
    """Which of the runs that were written down still go on, in other processes."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was refused, or the program failed with it."""

    run: Run
    reason: str


@dataclass(frozen=True, slots=True)
class Lasted:
    """The daemon has processed frames with it for the whole time."""

    run: Run


@dataclass(frozen=True, slots=True)
class Ended:
    """The daemon ended in order, by its own decision or when asked to."""

    run: Run


Event = Activated | Begun | Failed | Lasted | Ended


def step(record: Record, event: Event) -> Record:
    """Return what an event makes of a record."""
    match event:
        case Activated():
            if record.stage is Stage.PASSED:
                return record
            return Record(Stage.PROBATION, runs=record.runs)
        case Begun(run, alive):
            return _begin(record, run, alive)
        case Failed(run, reason):
            return _fail(replace(record, runs=_without(record, run)), reason)
        case Lasted():
            # One that failed meanwhile, in another daemon, is not rehabilitated.
            return record if record.stage is Stage.FAILED else Record(Stage.PASSED)
        case Ended(run):
            return replace(record, runs=_without(record, run))


def on_probation(record: Record) -> bool:
    """Tell whether a model has yet to prove itself."""
    return record.stage in (Stage.INSTALLED, Stage.PROBATION)


def _begin(record: Record, run: Run, alive: Set[Run]) -> Record:
    if not on_probation(record):
        return record
    gone = [earlier for earlier in record.runs if earlier not in alive]
    going_on = tuple(earlier for earlier in record.runs if earlier in alive)
    record = replace(record, stage=Stage.PROBATION, runs=going_on)
    for earlier in gone:
        if earlier.boot == run.boot:
            record = _fail(record, "the daemon died with it")
            continue
        record = replace(record, reboots=record.reboots + 1)
        if record.reboots >= MOST_REBOOTS:
            reason = f"the machine was restarted {record.reboots} times with it"
            record = replace(record, stage=Stage.FAILED, reason=reason)
    if record.stage is Stage.FAILED:
        return record
    return replace(record, runs=(*record.runs, run))


def _fail(record: Record, reason: str) -> Record:
    failures = record.failures + 1
    stage = Stage.FAILED if failures >= MOST_FAILURES else record.stage
    return replace(record, stage=stage, failures=failures, reason=reason)


def _without(record: Record, run: Run) -> tuple[Run, ...]:
    return tuple(other for other in record.runs if other != run)
