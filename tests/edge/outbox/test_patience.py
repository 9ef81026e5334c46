"""When a disk that refuses is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.outbox.patience import Patience


def test_pauses() -> None:
    """They double from a second to a minute, however long it lasts."""
    patience, pauses, now = Patience(), [], 100.0
    for _ in range(100):
        patience = patience.after_failure(now)
        pauses.append(patience.due - now)
        now = patience.due
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[60.0] * 94]


def test_disk_that_does_well() -> None:
    """After a minute of that the next failure is the first, not before."""
    patience = Patience().after_failure(0.0).after_failure(1.0).after_failure(3.0)
    assert patience.due == 7.0
    assert patience.after_failure(66.9).failures == 4
    assert patience.after_failure(67.0).failures == 1


@given(st.lists(st.floats(0.0, 200.0), min_size=1))
def test_failures_at_any_time(spans: list[float]) -> None:
    """It is never tried again at once, and never left for more than a minute."""
    patience, now = Patience(), 0.0
    for span in spans:
        now += span
        patience = patience.after_failure(now)
        assert 0.999 < patience.due - now < 60.001
