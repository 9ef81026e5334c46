"""How long to wait before what has failed is tried again."""

_DOUBLINGS = 30  # beyond which any longest pause has long been reached


def pause_after(failures: int, first_seconds: float, longest_seconds: float) -> float:
    """Return a pause in seconds that doubles with each failure, up to the longest.

    Args:
        failures: in a row, the one that was just now counted.
        first_seconds: pause after the first.
        longest_seconds: longest pause.
    """
    doublings = min(max(failures - 1, 0), _DOUBLINGS)
    return min(first_seconds * 2.0**doublings, longest_seconds)
