"""The tree of errors and the exit codes it ends in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.errors import (
    DataError,
    DigestError,
    FerError,
    ManifestError,
    ModelError,
    RefusedError,
    one_line,
)


@pytest.mark.parametrize(
    ("error", "base", "code"),
    [
        (FerError, Exception, 2),
        (DataError, FerError, 2),
        (ModelError, FerError, 2),
        (ManifestError, FerError, 2),
        (RefusedError, FerError, 1),
        (DigestError, RefusedError, 1),
    ],
)
def test_tree(error: type[FerError], base: type[Exception], code: int) -> None:
    """Each error has its base, and refusals alone end in 1."""
    assert (base,) == error.__bases__
    assert code == error.exit_code
    assert str(error("a.zip: é… 'x'")) == "a.zip: é… 'x'"


@given(st.text())
def test_message_with_any_characters(text: str) -> None:
    """A message is one printable line, whatever a file is called."""
    message = str(FerError(text))

    assert len(message.splitlines()) <= 1
    assert message.isprintable()
    assert one_line(text) == message


def test_control_characters() -> None:
    """They are shown, not obeyed."""
    assert one_line("a\nb\x1b[31m\udce9") == "a\\nb\\x1b[31m\\udce9"
