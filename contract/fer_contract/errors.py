"""The errors a user can meet, as a tree; each knows the exit code it ends in.

::

    FerError                 2   could not start: usage, configuration, missing extra
    ├── DataError            2   labelled faces that cannot be used
    ├── ModelError           2   a model that cannot be read or run
    ├── ManifestError        2   a run or bundle directory that is none
    └── RefusedError         1   judged and refused: the figure and the bound are named
        └── DigestError      1   a file differs from what its manifest promises

Every message is one line and begins with the file or option at fault. They are
caught once, in ``fer_contract.command.run``, and printed without a traceback.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path


class FerError(Exception):
    """Base of every error that is the user's to mend."""

    exit_code = 2

    def __str__(self) -> str:
        return one_line(super().__str__())


class DataError(FerError):
    """Labelled faces that cannot be used: missing, unreadable or contradictory."""


class ModelError(FerError):
    """A model file that cannot be read, converted or run."""


class ManifestError(FerError):
    """A directory without a manifest, or a manifest that breaks its schema."""


class RefusedError(FerError):
    """Something was examined and refused; the message names figure and bound."""

    exit_code = 1


class DigestError(RefusedError):
    """A file's SHA-256 is not the one in the manifest."""


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a path in every OSError of the block that names none.

    Writing to a full disk fails through an open file, which does not say its name.
    """
    try:
        yield
    except OSError as failure:
        if failure.filename is None:
            failure.filename = str(path)
        raise


def one_line(text: str) -> str:
    """Return the text with line breaks and other control characters escaped.

    A file in a zip may be named as its maker pleases.
    """
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in text
    )


def first_line(mistake: BaseException) -> str:
    """Return what an error of a library says first: some write pages, some nothing."""
    return (str(mistake).strip() or type(mistake).__name__).splitlines()[0]
