"""All checks in order, and how they are done: each one, whatever became of others."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fer_edge.doctor import coral, eyes, keeping, machine, service, software, telling
from fer_edge.doctor.apart import look_apart
from fer_edge.doctor.checks import Case, Check, Finding, Verdict, skipped
from fer_edge.doctor.unit import Rights

CHECKS: tuple[Check, ...] = (
    software.PYTHON,
    software.RUNTIME,
    software.NUMPY,
    software.CONFIGURATION,
    software.LIBRARIES,
    eyes.MODEL,
    eyes.DETECTOR,
    eyes.CAMERA,
    coral.CORAL,
    telling.BROKER,
    telling.HTTP,
    telling.HOOKS,
    telling.JSON_LINES,
    keeping.OUTBOX,
    keeping.DISK,
    machine.CLOCK,
    machine.TEMPERATURE,
    machine.THROTTLING,
    service.SERVICE,
)


def look(
    case: Case,
    rights: Rights | None = None,
    checks: Sequence[Check] = CHECKS,
    seconds: float | None = None,
) -> Iterator[tuple[Check, Finding]]:
    """Do all checks, and yield each with what it finds as soon as that is known.

    Args:
        case: what to look at.
        rights: with whose; None is as whoever asks.
        checks: of those that there are.
        seconds: for each that is done apart; its own if not given.
    """
    for check in checks:
        if check.needs_config and case.config is None:
            yield check, skipped("no configuration")
        elif check.apart:
            limit = check.seconds if seconds is None else seconds
            yield check, look_apart(replace(check, seconds=limit), case, rights)
        else:
            yield check, check.look(case)


def counted(findings: Sequence[Finding]) -> str:
    """Sum up: how many of each verdict, in one line."""
    seen = [finding.verdict for finding in findings]
    return ", ".join(
        f"{seen.count(verdict)} {verdict}" for verdict in Verdict if verdict in seen
    )
