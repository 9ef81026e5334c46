"""Intervals against published figures, and what every interval must hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.intervals import Z_95, mcnemar, paired_difference, wilson


@st.composite
def counted(draw: st.DrawFn) -> tuple[int, int]:
    """Draw successes and trials."""
    trials = draw(st.integers(1, 100_000))
    return draw(st.integers(0, trials)), trials


@st.composite
def discordant(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw two kinds of discordant trials, and all trials."""
    trials = draw(st.integers(1, 100_000))
    first = draw(st.integers(0, trials))
    return first, draw(st.integers(0, trials - first)), trials


def test_quantile() -> None:
    """95 % of a normal distribution lie within the quantile."""
    assert math.erf(Z_95 / math.sqrt(2)) == pytest.approx(0.95, abs=1e-15)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        # Newcombe 1998, Stat. Med. 17, 857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_figures(
    successes: int, trials: int, low: float, high: float
) -> None:
    """The score interval is that of the literature, to four digits."""
    bounds = tuple(round(bound, 4) for bound in wilson(successes, trials))

    assert (low, high) == bounds


@given(counted())
def test_bounds_around_the_share(figures: tuple[int, int]) -> None:
    """The interval lies within 0 to 1 and holds the share itself."""
    successes, trials = figures
    low, high = wilson(successes, trials)

    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert low < high


@given(counted())
def test_bounds_that_solve_the_score_equation(figures: tuple[int, int]) -> None:
    """At each bound within 0 to 1, the share is 1.96 standard errors away."""
    successes, trials = figures

    for bound in wilson(successes, trials):
        if 0.0 < bound < 1.0:
            error = math.sqrt(bound * (1 - bound) / trials)
            away = abs(successes / trials - bound) / error
            assert away == pytest.approx(Z_95, rel=1e-6)


@given(counted(), st.integers(2, 10))
def test_more_trials(figures: tuple[int, int], times: int) -> None:
    """The same share of more trials has a narrower interval."""
    successes, trials = figures
    low, high = wilson(successes, trials)
    low_of_more, high_of_more = wilson(successes * times, trials * times)

    assert high_of_more - low_of_more < high - low


@given(counted())
def test_failures_counted_instead(figures: tuple[int, int]) -> None:
    """The interval of the failures is the mirrored one."""
    successes, trials = figures
    low, high = wilson(successes, trials)

    mirrored = wilson(trials - successes, trials)

    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5), (1, -1)])
def test_share_of_no_sample(successes: int, trials: int) -> None:
    """The figures are in the error."""
    with pytest.raises(ValueError, match=f"^{successes} of {trials};"):
        wilson(successes, trials)


def test_paired_difference_by_hand() -> None:
    """Of 100 pairs 12 and 5 discordant ones: 13/102 and 6/102, adjusted Wald."""
    # (13 - 6) / 102 +- 1.95996 * sqrt((19 / 102 - (7 / 102) ** 2) / 102)
    low, high = paired_difference(12, 5, 100)

    assert (round(low, 4), round(high, 4)) == (-0.0141, 0.1513)


@given(discordant())
def test_first_and_second_exchanged(figures: tuple[int, int, int]) -> None:
    """The interval of the opposite difference is the negative one."""
    first, second, trials = figures
    low, high = paired_difference(first, second, trials)

    assert paired_difference(second, first, trials) == (-high, -low)


@given(discordant())
def test_bounds_of_a_difference(figures: tuple[int, int, int]) -> None:
    """The interval lies within -1 to 1, is never empty and holds its centre."""
    first, second, trials = figures
    low, high = paired_difference(first, second, trials)

    assert -1.0 <= low < high <= 1.0
    assert low <= (first - second) / (trials + 2) <= high


@given(st.integers(1, 10_000))
def test_no_discordant_trial(trials: int) -> None:
    """Agreement on a sample is no proof of agreement: the interval has a width."""
    low, high = paired_difference(0, 0, trials)

    assert low < 0.0 < high


@pytest.mark.parametrize(
    ("first", "second", "trials"), [(0, 0, 0), (-1, 0, 5), (0, -1, 5), (3, 3, 5)]
)
def test_difference_on_no_sample(first: int, second: int, trials: int) -> None:
    """The figures are in the error."""
    with pytest.raises(ValueError, match=rf"^{first} \+ {second} discordant of"):
        paired_difference(first, second, trials)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (1, 9, 22 / 1024),
        (10, 0, 2 / 1024),
        (4, 6, 0.75390625),
    ],
)
def test_mcnemar_by_hand(first: int, second: int, p: float) -> None:
    """Twice the tail of as many throws of a coin, at most 1."""
    assert mcnemar(first, second) == p


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_of_any_figures(first: int, second: int) -> None:
    """The order does not matter, and what is more uneven is less likely."""
    p = mcnemar(first, second)
    assert 0 <= p <= 1
    assert p == mcnemar(second, first)
    assert mcnemar(max(first, second) + 1, min(first, second)) <= p or first == second


def test_mcnemar_of_many_faces() -> None:
    """Neither overflow nor underflow is an error; as a normal distribution says."""
    assert mcnemar(20_000, 0) == 0.0
    assert mcnemar(5_000, 5_100) == pytest.approx(0.325, abs=0.005)


def test_mcnemar_below_zero() -> None:
    """There are no negative counts."""
    with pytest.raises(ValueError, match="-1 and 2"):
        mcnemar(-1, 2)
