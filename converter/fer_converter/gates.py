"""Whether what quantization cost is allowed.

A gate is one small function: its docstring is the rule, and it returns a verdict with
the figure, its interval and the bound. The bound is held against the interval, not the
mean: what is not shown does not pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fer_contract.intervals import wilson
from fer_converter.parity import Parity
from fer_converter.verdicts import Outcome, Verdict, decided, meaning_of

FLOAT_DIFFERENCE = 1e-5
"""Of a probability, Keras against TFLite float32: kernels sum in another order."""


@dataclass(frozen=True, slots=True)
class Gates:
    """What a conversion may cost; the command line has the defaults."""

    max_accuracy_drop: float
    """Percentage points of accuracy, float minus int8."""
    min_agreement: float
    """Share of faces on which float and int8 name the same class, 0 to 1."""


def accuracy_drop(parity: Parity, gates: Gates) -> Verdict:
    """The accuracy lost stays below --max-accuracy-drop."""
    low, high = parity.drop_interval
    saw = (
        f"{parity.drop:+.2f} points ({low:+.2f} to {high:+.2f}), at most "
        f"{gates.max_accuracy_drop:.2f} allowed"
    )
    outcome = _held(high <= gates.max_accuracy_drop, low > gates.max_accuracy_drop)
    return Verdict("accuracy drop", outcome, saw, meaning_of(accuracy_drop))


def agreement(parity: Parity, gates: Gates) -> Verdict:
    """Float and int8 name the same class on at least --min-agreement of the faces."""
    low, high = wilson(parity.agree, parity.faces)
    saw = (
        f"{parity.agree / parity.faces:.2%} ({low:.2%} to {high:.2%}), at least "
        f"{gates.min_agreement:.2%} wanted"
    )
    outcome = _held(low >= gates.min_agreement, high < gates.min_agreement)
    return Verdict("agreement", outcome, saw, meaning_of(agreement))


ALL_GATES: tuple[Callable[[Parity, Gates], Verdict], ...] = (accuracy_drop, agreement)


def judge(parity: Parity, gates: Gates) -> tuple[Verdict, ...]:
    """Ask every gate."""
    return tuple(gate(parity, gates) for gate in ALL_GATES)


def float_parity(difference: float) -> Verdict:
    """TFLite float32 gives the probabilities of the float model.

    Args:
        difference: the largest of any class on any face, 0 to 1.
    """
    return decided(
        "float parity",
        difference <= FLOAT_DIFFERENCE,
        f"largest difference {difference:.1e}, at most {FLOAT_DIFFERENCE:.0e} allowed",
        meaning=meaning_of(float_parity),
    )


def _held(passed: bool, failed: bool) -> Outcome:
    if passed:
        return Outcome.PASSED
    return Outcome.FAILED if failed else Outcome.UNDECIDED
