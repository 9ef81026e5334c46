"""Settings read from a table: what is allowed, and what is said of the rest."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.options import key_of, option, plain, read, spelled


@dataclass(frozen=True, slots=True)
class Inner:
    """A section."""

    seconds: float = option(1.0, low=0.0, high=60.0)
    count: int = option(3, low=1, high=10)


@dataclass(frozen=True, slots=True)
class Outer:
    """All of them."""

    word: str = option("red", one_of=("red", "green"))
    text: str = option("")
    name: str = option("cam", filled=True)
    device: str = option("", forms=("", "usb", "usb:N"))
    on: bool = option(False)
    words: tuple[str, ...] = option(("red",), one_of=("red", "green"), filled=True)
    texts: tuple[str, ...] = option(())
    inner: Inner = field(default_factory=Inner)
    rules: tuple["Demanding", ...] = ()


@dataclass(frozen=True, slots=True)
class Demanding:
    """With a setting that has no default."""

    path: str = option()
    inner: Inner = field(default_factory=Inner)


def test_silence() -> None:
    """An empty table gives the defaults."""
    assert read(Outer, {}) == (Outer(), [])


def test_every_kind() -> None:
    """Texts, switches, whole numbers, numbers and sections are taken as they are."""
    table = {
        "word": "green",
        "text": "söme text",
        "name": "x",
        "device": "usb:10",
        "on": True,
        "words": ["green", "red"],
        "texts": ["", "two\nlines"],
        "inner": {"seconds": 60.0, "count": 1},
        "rules": [{"path": "x"}, {"path": "y", "inner": {"count": 1}}],
    }
    wanted = Outer(
        "green",
        "söme text",
        "x",
        "usb:10",
        True,
        ("green", "red"),
        ("", "two\nlines"),
        Inner(60.0, 1),
        (Demanding("x"), Demanding("y", Inner(count=1))),
    )
    assert read(Outer, table) == (wanted, [])


def test_whole_number_for_a_number() -> None:
    """A number may be written without a point, and is one all the same."""
    settings, mistakes = read(Inner, {"seconds": 2})
    assert mistakes == []
    assert repr(settings.seconds) == "2.0"


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"word": "blue"}, "word: 'blue'; allowed are red, green"),
        ({"word": 1}, "word: 1; a text in quotes is wanted"),
        ({"text": ["a"]}, "text: ['a']; a text in quotes is wanted"),
        ({"name": ""}, "name: ''; a text that is not empty is wanted"),
        ({"device": "usb:N"}, "device: 'usb:N'; allowed are '', 'usb', 'usb:N'"),
        ({"device": "usb:-1"}, "device: 'usb:-1'; allowed are '', 'usb', 'usb:N'"),
        ({"device": "pci"}, "device: 'pci'; allowed are '', 'usb', 'usb:N'"),
        ({"on": 1}, "on: 1; true or false is wanted"),
        ({"on": "true"}, "on: 'true'; true or false is wanted"),
        ({"inner": 5}, "inner: 5; a section is wanted"),
        ({"inner": [{}]}, "inner: [{}]; a section is wanted"),
        ({"inner": {"count": True}}, "inner.count: True; a whole number is wanted"),
        ({"inner": {"count": 2.0}}, "inner.count: 2.0; a whole number is wanted"),
        ({"inner": {"count": "2"}}, "inner.count: '2'; a whole number is wanted"),
        ({"inner": {"count": 0}}, "inner.count: 0; allowed is 1 to 10"),
        ({"inner": {"count": 11}}, "inner.count: 11; allowed is 1 to 10"),
        ({"inner": {"seconds": False}}, "inner.seconds: False; a number is wanted"),
        ({"inner": {"seconds": "1"}}, "inner.seconds: '1'; a number is wanted"),
        ({"inner": {"seconds": -0.1}}, "inner.seconds: -0.1; allowed is 0 to 60"),
        ({"inner": {"seconds": math.nan}}, "inner.seconds: nan; allowed is 0 to 60"),
        ({"inner": {"seconds": math.inf}}, "inner.seconds: inf; allowed is 0 to 60"),
        (
            {"inner": {"secnds": 1.0}},
            "inner.secnds: unknown key; did you mean seconds?",
        ),
        ({"innr": {}}, "innr: unknown key; did you mean inner?"),
        ({"qqqqqq": 1}, "qqqqqq: unknown key"),
        ({"": 1}, '"": unknown key'),
        ({"a: b.c": 1}, '"a: b.c": unknown key'),
        ({"text": "a\0b"}, "text: 'a\\x00b'; a text without NUL is wanted"),
        ({"text": ["x" * 100]}, f"text: ['{'x' * 78}…; a text in quotes is wanted"),
        ({"on": 1 << 100_000}, "on: an enormous number; true or false is wanted"),
        ({"cuont": 1}, "cuont: unknown key; did you mean count in [inner]?"),
        ({"count": 1}, "count: unknown key; it belongs into [inner]"),
        ({"inner": {"path": 1}}, "inner.path: unknown key; it belongs into [[rules]]"),
        ({"words": "red"}, "words: 'red'; a list in brackets is wanted"),
        ({"words": []}, "words: []; a list that is not empty is wanted"),
        ({"words": ["red", 1]}, "words[1]: 1; a text in quotes is wanted"),
        ({"words": ["", "red"]}, "words[0]: ''; allowed are red, green"),
        ({"texts": [["a"]]}, "texts[0]: ['a']; a text in quotes is wanted"),
        (
            {"rules": {"path": "x"}},
            "rules: {'path': 'x'}; sections [[rules]], in two brackets, are wanted",
        ),
        ({"rules": [1]}, "rules: [1]; sections [[rules]], in two brackets, are wanted"),
    ],
)
def test_mistake(table: dict[str, object], mistake: str) -> None:
    """A mistake names the key, what stands there and what is allowed."""
    assert read(Outer, table) == (Outer(), [mistake])


def test_many_mistakes() -> None:
    """All mistakes are told at once, and the good values beside them are kept."""
    table = {
        "wrod": "red",
        "word": "blue",
        "text": "kept",
        "inner": {"seconds": math.nan, "count": 7, "cuont": 7},
    }
    settings, mistakes = read(Outer, table)
    assert mistakes == [
        "wrod: unknown key; did you mean word?",
        "word: 'blue'; allowed are red, green",
        "inner.cuont: unknown key; did you mean count?",
        "inner.seconds: nan; allowed is 0 to 60",
    ]
    assert settings == Outer(text="kept", inner=Inner(count=7))


def test_setting_without_a_default() -> None:
    """One that must be given is missed; a mistaken one is not missed as well."""
    assert read(Demanding, {})[1] == ["path: missing"]
    assert read(Demanding, {"path": 5})[1] == ["path: 5; a text in quotes is wanted"]
    assert read(Demanding, {"path": "x"}) == (Demanding("x"), [])


def test_mistakes_in_a_list_of_sections() -> None:
    """Each is named by its place in the list, from 0 as programs count."""
    table = {"rules": [{"path": "x"}, {"pth": "y"}, {"inner": {"count": 0}, "path": 1}]}
    settings, mistakes = read(Outer, table)
    assert mistakes == [
        "rules[1].pth: unknown key; did you mean path?",
        "rules[1].path: missing",
        "rules[2].path: 1; a text in quotes is wanted",
        "rules[2].inner.count: 0; allowed is 1 to 10",
    ]
    assert settings.rules[0] == Demanding("x")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.05, "0.05"), (60.0, "60"), (86400.0, "86400"), (10_000_000, "10000000")],
)
def test_bound(number: float, text: str) -> None:
    """Bounds are written without an exponent."""
    assert plain(number) == text


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=2),
        st.dictionaries(
            st.sampled_from(["seconds", "count", "other"]), children, max_size=3
        ),
    ),
    max_leaves=6,
)
keys = st.one_of(
    st.sampled_from(["word", "text", "name", "on", "inner"]), st.text(max_size=6)
)


@given(table=st.dictionaries(keys, anything, max_size=6))
def test_any_table(table: dict[str, object]) -> None:
    """Whatever stands in it, what comes out is allowed, or a line says why not."""
    settings, mistakes = read(Outer, table)
    assert settings.word in ("red", "green")
    assert type(settings.text) is str
    assert settings.name != ""
    assert type(settings.on) is bool
    assert type(settings.inner.count) is int
    assert 1 <= settings.inner.count <= 10
    assert type(settings.inner.seconds) is float
    assert 0.0 <= settings.inner.seconds <= 60.0
    for key in table:
        if key not in ("word", "text", "name", "on", "inner"):
            (line,) = (line for line in mistakes if key_of(line) == spelled((key,)))
            assert line.startswith(f"{spelled((key,))}: unknown key")
