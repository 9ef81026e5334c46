"""How the megabytes of an outbox are shared between its database and the log. Pure."""

from dataclasses import dataclass

from fer_edge.outbox import OutboxSettings

MEGABYTE = 1_000_000
PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Budget:
    """The bounds of the file.

    ``share`` is a sixteenth of the megabytes, at most one. New events of a change take
    up to one share in the log, deleted ones another. The log is copied into the
    database when it has two; where a reader stops that, at three it is emptied while
    readers wait. So it never has more than five, and the database has all but seven:
    the rest is for new events that come before old ones go, and for the log's index.
    """

    max_events: int
    max_age: float
    """In seconds."""
    max_bytes: int
    share: int
    """In bytes."""

    @classmethod
    def of(cls, settings: OutboxSettings) -> "Budget":
        """Return the budget of settings."""
        whole = int(settings.max_megabytes * MEGABYTE)
        return cls(
            settings.max_events,
            settings.max_age_hours * 3600.0,
            whole,
            min(whole // 16, MEGABYTE),
        )

    @property
    def pages(self) -> int:
        """Of the database."""
        return (self.max_bytes - 7 * self.share) // PAGE_BYTES

    @property
    def log_pages(self) -> int:
        """After so many the log is copied into the database."""
        return 2 * self.share // PAGE_BYTES

    @property
    def log_bytes(self) -> int:
        """After so many the log is emptied, whoever reads."""
        return 3 * self.share

    @property
    def removals(self) -> int:
        """Events that one change may delete anywhere; each may touch a page."""
        return self.share // PAGE_BYTES

    @property
    def drops(self) -> int:
        """Oldest events that one change may drop beside those it makes room for."""
        return 8 * self.removals  # That many lie on a page, or nearly.
