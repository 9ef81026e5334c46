"""When a camera that failed is opened again, and when no more. Pure: time is given."""

from fer_edge.pauses import pause_after


class Retries:
    """The times of openings: twice the pause after each failure, up to the longest.

    Args:
        first_seconds: pause after the first failure.
        longest_seconds: longest pause.
        give_up_seconds: how long it may go on without a frame.
        now: steady time at which the first opening is due.
    """

    def __init__(
        self,
        first_seconds: float,
        longest_seconds: float,
        give_up_seconds: float,
        now: float,
    ) -> None:
        self._first = first_seconds
        self._longest = longest_seconds
        self._give_up = give_up_seconds
        self._failures = 0
        self._opened = now
        self._good = now
        self.due = now
        """When the next opening may be."""

    @property
    def good(self) -> float:
        """When the last frame came; before the first, when the waiting began."""
        return self._good

    def opened(self, now: float) -> None:
        """Note an opening."""
        self._opened = now

    def frame(self, now: float) -> None:
        """Note a frame.

        Only a camera that has worked for as long as the longest pause is trusted
        again: one that gives a frame and fails, time after time, is not opened in a
        frenzy.
        """
        self._good = now
        if now - self._opened >= self._longest:
            self._failures = 0

    def failed(self, now: float) -> None:
        """Note that the camera was closed."""
        self._failures += 1
        self.due = now + pause_after(self._failures, self._first, self._longest)

    def exhausted(self, now: float) -> bool:
        """Tell whether it has gone on for too long."""
        return now - self._good >= self._give_up
