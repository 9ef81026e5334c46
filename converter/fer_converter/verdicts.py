"""How gates and rules decide; what they decide is their own."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Only ``PASSED`` and ``SLOWER`` make a bundle."""

    PASSED = "passed"
    SLOWER = "slower"
    """It works, at a price."""
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision."""

    gate: str
    outcome: Outcome
    saw: str
    """What was seen, and the bound if there is one."""
    meaning: str = ""
    """What must hold, in words."""

    @property
    def passed(self) -> bool:
        """Whether it lets the model through."""
        return self.outcome in (Outcome.PASSED, Outcome.SLOWER)


def meaning_of(rule: Callable[..., object]) -> str:
    """Return what a rule or gate says must hold: its docstring's first line."""
    return (rule.__doc__ or "").partition("\n")[0].rstrip(".")


def decided(gate: str, holds: bool, saw: str, *, meaning: str = "") -> Verdict:
    """Return the verdict of a rule that knows no doubt."""
    return Verdict(gate, Outcome.PASSED if holds else Outcome.FAILED, saw, meaning)
