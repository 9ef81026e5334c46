"""Intervals for what was counted on a sample of faces."""

import math

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion, within 0 to 1.

    Args:
        successes: 0 to ``trials``.
        trials: at least 1.

    Raises:
        ValueError: figures outside those ranges.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}; 0 <= successes <= trials wanted")
    share = successes / trials
    spread = Z_95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    half /= 1 + spread
    # At the ends the exact bound is 0 or 1; rounding must not miss it.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def paired_difference(
    only_first: int, only_second: int, trials: int
) -> tuple[float, float]:
    """Return the 95 % interval of first minus second proportion, on the same sample.

    Args:
        only_first: trials in which the first succeeded and the second did not.
        only_second: the other way round.
        trials: all of them, at least 1.

    Returns:
        Bounds of the difference, within -1 to 1. Good from small samples on and with
        no discordant trial at all, where the plain Wald interval has no width.

    Raises:
        ValueError: figures that no sample has.

    Source: Bonett and Price 2012, J. Educ. Behav. Stat. 37, 479 (adjusted Wald).
    """
    discordant = only_first + only_second
    if trials < 1 or min(only_first, only_second) < 0 or discordant > trials:
        raise ValueError(f"{only_first} + {only_second} discordant of {trials}")
    first = (only_first + 1) / (trials + 2)
    second = (only_second + 1) / (trials + 2)
    difference = first - second
    half = Z_95 * math.sqrt((first + second - difference**2) / (trials + 2))
    return max(-1.0, difference - half), min(1.0, difference + half)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of the exact McNemar test, 0 to 1.

    Args:
        only_first: trials in which the first succeeded and the second did not.
        only_second: the other way round.

    Returns:
        The probability of at least so uneven a split if both succeed equally often;
        1 without any discordant trial.

    Raises:
        ValueError: figures below 0.

    Source: McNemar 1947, Psychometrika 12, 153; the exact form is the binomial one.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"{only_first} and {only_second} discordant")
    trials = only_first + only_second
    tail = sum(
        math.comb(trials, count) for count in range(min(only_first, only_second) + 1)
    )
    return min(1.0, float(2 * tail / 2**trials))
