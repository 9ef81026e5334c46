"""How long something takes, over any number of times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.durations import Durations


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200), st.floats(0.0, 1.0))
def test_percentiles(seconds: list[float], share: float) -> None:
    """Right to half a per cent, whatever was added in whatever order."""
    durations = Durations()
    for value in seconds:
        durations.add(value)
    exact = float(np.quantile(seconds, share, method="inverted_cdf"))
    assert durations.percentile(share) == pytest.approx(exact, rel=0.0051)
    assert durations.count == len(seconds)
    assert durations.total == pytest.approx(sum(seconds))


def test_what_no_clock_measures() -> None:
    """Nothing at all, less than nothing, and years keep to the ends of the scale."""
    durations = Durations()
    for seconds in (0.0, -1.0, 1e9):
        durations.add(seconds)
    assert durations.percentile(0.5) == pytest.approx(1e-7)
    assert durations.percentile(1.0) == pytest.approx(1e4, rel=0.01)


def test_nothing_yet() -> None:
    """A mistake of the caller."""
    with pytest.raises(ValueError, match="no duration was added"):
        Durations().percentile(0.5)
