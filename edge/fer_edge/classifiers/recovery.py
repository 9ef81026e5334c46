"""When to start the Edge TPU again: what happened and the time in, what to do out."""

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from fer_edge.classifiers import ModelSettings


class Phase(Enum):
    """What the Edge TPU's process is at."""

    STARTING = auto()
    """Being started and tested."""
    READY = auto()
    """Answers."""
    WAITING = auto()
    """Failed; is started again when ``due``."""
    RESTING = auto()
    """Failed too often in a row; is tried again when ``due``."""
    GIVEN_UP = auto()
    """Cannot work; is not started again."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Where things stand."""

    phase: Phase
    since: float
    """Seconds at which what answers began to: the Edge TPU, or the processor."""
    due: float = math.inf
    """Seconds at which to start the process; infinite where it runs or must not."""
    reason: str = "starting"
    """Why it does not answer; empty where it does."""
    failures: int = 0
    """In a row."""
    starts: int = 0

    @classmethod
    def begin(cls, now: float) -> "Recovery":
        """Return the beginning: a first start is due."""
        return cls(Phase.WAITING, since=now, due=now)


@dataclass(frozen=True, slots=True)
class Due:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The process that was started has passed its self-test."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The process refused, ended, or did what it must not."""

    reason: str
    hopeless: bool = False
    """No further start can help."""


Event = Due | Passed | Failed


def step(old: Recovery, event: Event, now: float, settings: ModelSettings) -> Recovery:
    """Return where things stand after an event; its phase says what to do.

    Args:
        old: where things stood.
        event: what happened. A failure that comes late, of a process already given
            up, changes nothing.
        now: seconds on a clock that does not run backwards.
        settings: pauses and patience.
    """
    match event:
        case Due() if old.due <= now:
            return replace(
                old, phase=Phase.STARTING, due=math.inf, starts=old.starts + 1
            )
        case Passed() if old.phase is Phase.STARTING:
            return replace(old, phase=Phase.READY, since=now, reason="")
        case Failed() if old.phase in (Phase.STARTING, Phase.READY):
            return _after_failure(forgive(old, now, settings), event, now, settings)
    return old


def forgive(old: Recovery, now: float, settings: ModelSettings) -> Recovery:
    """Forget the failures of an Edge TPU that has worked for long enough since."""
    worked = old.phase is Phase.READY
    if worked and now - old.since >= settings.edgetpu_restart_longest_seconds:
        return replace(old, failures=0)
    return old


def _after_failure(
    old: Recovery, failed: Failed, now: float, settings: ModelSettings
) -> Recovery:
    failures = old.failures + 1
    if failed.hopeless:
        phase, due = Phase.GIVEN_UP, math.inf
    elif failures >= settings.edgetpu_failures:
        phase, due = Phase.RESTING, now + settings.edgetpu_retry_seconds
    else:
        phase, due = Phase.WAITING, now + _pause(failures, settings)
    return Recovery(
        phase,
        since=now if old.phase is Phase.READY else old.since,
        due=due,
        reason=failed.reason,
        failures=failures,
        starts=old.starts,
    )


def _pause(failures: int, settings: ModelSettings) -> float:
    """Return the seconds to wait after so many failures in a row, 1 to 100."""
    pause = settings.edgetpu_restart_first_seconds * 2.0 ** (failures - 1)
    return min(pause, settings.edgetpu_restart_longest_seconds)
