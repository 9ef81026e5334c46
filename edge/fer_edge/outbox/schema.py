"""What the file of the outbox holds."""

from dataclasses import dataclass

from fer_edge.outbox.ageing import Reading

VERSION = 1
"""Of the tables, in the file's ``user_version``."""

STATEMENTS = (
    """CREATE TABLE event (
        position INTEGER PRIMARY KEY,
        age REAL NOT NULL,
        checksum INTEGER NOT NULL,
        text TEXT NOT NULL
    )""",
    """CREATE TABLE tally (
        position INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        events INTEGER NOT NULL,
        age REAL NOT NULL,
        wall REAL NOT NULL
    )""",
    "INSERT INTO tally VALUES (0, 0, 0, 0.0, 0.0)",
    f"PRAGMA user_version = {VERSION}",
)


@dataclass(frozen=True, slots=True)
class Row:
    """An event in the file."""

    position: int
    age: float
    """When it was stored, by the outbox's ``AgeClock``."""
    text: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What the file says of itself, kept in step with the events by each change."""

    position: int
    """The highest that there ever was."""
    seq: int
    """Of the last event that there was."""
    events: int
    """In the file now."""
    last: Reading
    """When it was last changed."""
