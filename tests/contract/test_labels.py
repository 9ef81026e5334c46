"""Which labels a model may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.errors import ManifestError
from fer_contract.labels import UNCERTAIN, check_labels

plain = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True).filter(
    lambda label: label != UNCERTAIN
)


@given(st.lists(plain, min_size=2, max_size=9, unique=True))
def test_plain_names(labels: list[str]) -> None:
    """They come back as they are, in their order."""
    assert tuple(labels) == check_labels(labels, "here")


@pytest.mark.parametrize(
    "label",
    [
        "", "Happy", "1st", "-sad", "_sad", "very happy", "happy/sad", "happy\n", "..",
        "säd", "a" * 33, "a+", "a#", "a.b", None, 3, True, b"happy", ["happy"],
    ],
)  # fmt: skip
def test_name_that_is_not_plain(label: object) -> None:
    """The error names source, label and what is allowed, on one line."""
    with pytest.raises(ManifestError) as caught:
        check_labels(["sad", label], "here")

    expected = (
        f"here: label {label!r}; allowed are 1 to 32 characters a-z, 0-9, _ and -, "
        "a letter first"
    )
    assert str(caught.value).startswith(expected)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("label", "proposed"),
    [("Happy", "; 'happy' would do"), ("Very Happy", "; 'very_happy' would do")],
)
def test_name_with_capitals(label: str, proposed: str) -> None:
    """The error says what the folder could be called."""
    with pytest.raises(ManifestError) as caught:
        check_labels(["sad", label], "here")

    assert str(caught.value).endswith(f"a letter first{proposed}")


def test_longest_name() -> None:
    """32 characters are allowed."""
    assert check_labels(["a" * 32, "b"], "here") == ("a" * 32, "b")


def test_name_of_the_device() -> None:
    """No class may be called what the device says below its threshold."""
    with pytest.raises(ManifestError, match="label 'uncertain' is what the"):
        check_labels(["happy", "uncertain"], "here")


@pytest.mark.parametrize("labels", [[], ["happy"]])
def test_fewer_than_two(labels: list[str]) -> None:
    """A choice needs two classes."""
    with pytest.raises(ManifestError, match=f"^here: {len(labels)} labels; at least 2"):
        check_labels(labels, "here")


def test_one_label_twice() -> None:
    """The label that stands twice is named."""
    with pytest.raises(ManifestError, match="label 'sad' stands more than once"):
        check_labels(["happy", "sad", "neutral", "sad"], "here")
