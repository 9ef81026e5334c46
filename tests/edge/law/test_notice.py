"""The notice to the people in front of the camera: text and page."""

from collections.abc import Callable
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from altered_bundles import change_manifest, released_as
from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.law import GROUNDS, PURPOSES, LawSettings
from fer_edge.law.notice import LANGUAGES, as_text, compose, words_of
from fer_edge.law.page import as_html
from fer_edge.models import RELEASED
from processes import run_command

_LABELS = ("happy", "sad", "surprise", "neutral")

_FILLED = LawSettings(
    purpose="workplace",
    ground="safety",
    reference="risk assessment 7",
    operator="Kräne GmbH",
    contact="privacy@cranes.example",
    aim="To wake a crane driver who falls asleep.",
    legal_basis="consent, Article 9(2)(a) GDPR",
    retention="an hour",
)

_NO_PICTURE = {
    "en": "No picture is stored or sent.",
    "de": "Kein Bild wird gespeichert oder gesendet.",
}

Configure = Callable[..., Path]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write a configuration that says who answers; more sections may follow."""

    def write(*sections: str, law: str = "") -> Path:
        path = tmp_path / "fer-edge.toml"
        first = (
            '[law]\npurpose = "research"\noperator = "Institute"\n'
            f'contact = "ask@institute.example"\n{law}'
        )
        path.write_text("\n".join([first, *sections]) + "\n", encoding="utf-8")
        return path

    return write


def _print(path: Path, *arguments: str | Path) -> str:
    done = run_command("fer-edge", "notice", "--config", path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.split())


class _Page(HTMLParser):
    """The words and the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_configured(language: str) -> None:
    """Everything stands in text and page, purpose and ground in words of the language.

    So does the law that wants the notice, and that an estimate may be wrong.
    """
    words = words_of(language)
    notice = compose(_FILLED, _LABELS, language, preview=False)
    text, page = as_text(notice), " ".join(_Page(as_html(notice)).words)
    for part in fields(LawSettings):
        value = getattr(_FILLED, part.name)
        shown = words.get(f"{part.name}s", {}).get(value, value)
        for told in (text, page):
            assert words["heads"][part.name] in told
            assert shown in told
    for told in (" ".join(text.split()), page):
        assert "(EU) 2024/1689" in told
        assert _NO_PICTURE[language] in told
        assert words["limits"] in told
    assert ("lang", language) in [
        pair for _, attributes in _Page(as_html(notice)).tags
        for pair in attributes.items()
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there(language: str) -> None:
    """Every language knows all purposes, grounds and heads."""
    words = words_of(language)
    assert set(words["purposes"]) == set(PURPOSES)
    assert set(words["grounds"]) == set(GROUNDS)
    assert set(words["heads"]) == {part.name for part in fields(LawSettings)}
    assert {key: type(value) for key, value in words.items()} == {
        key: type(value) for key, value in words_of("en").items()
    }


def test_what_is_empty() -> None:
    """Nothing is told of it, not even its head."""
    settings = LawSettings(purpose="home", operator="Ann", contact="at the door")
    notice = compose(settings, _LABELS, "en", preview=False)
    assert [head for head, _ in notice.facts] == ["Purpose", "Responsible", "Contact"]


def test_text_that_looks_like_html() -> None:
    """It is shown as it stands in the configuration; it adds nothing to the page."""
    evil = '</dd><script src="//evil.example">&amp;{0}{title}</script>'
    settings = LawSettings("home", operator=evil, contact=evil, aim=evil)
    plain = LawSettings("home", operator="a", contact="b", aim="c")
    labels = (evil, "sad")
    page, usual = (
        _Page(as_html(compose(one, labels, "en", preview=False)))
        for one in (settings, plain)
    )
    assert page.tags == usual.tags
    assert page.words.count(evil) == 3


def test_page_of_its_own() -> None:
    """It loads nothing from anywhere."""
    page = _Page(as_html(compose(_FILLED, _LABELS, "de", preview=True)))
    named = {name for _, attributes in page.tags for name in attributes}
    assert not named & {"src", "href", "srcset", "data", "action"}
    assert "url(" not in "".join(page.words)
    assert "@import" not in "".join(page.words)


def test_model_with_labels_of_its_own(configure: Configure, tmp_path: Path) -> None:
    """All five are told, those that no text knows as the model calls them."""
    bundle = released_as("own", tmp_path)
    labels = ["angry", "bored", "happy", "sad", "sleepy"]
    change_manifest(bundle, labels=labels)
    told = _print(configure(f'[model]\nbundle = "{bundle}"'), "--language", "de")
    assert ": angry, bored, fröhlich, traurig oder sleepy." in told


@pytest.mark.parametrize(
    ("sections", "shown"),
    [
        ((), False),
        (("[http]\nport = 8080",), False),
        (("[http]\npreview = true",), False),
        (("[http]\nport = 8080\npreview = true",), True),
        (("[http]\nport = 8080", "[mqtt]\ncommands = true"), False),
        (("[http]\nport = 8080", '[mqtt]\nhost = "hub"\ncommands = true'), True),
    ],
    ids=["nothing", "page", "no port", "preview", "no broker", "switched by a message"],
)
def test_pictures(configure: Configure, sections: tuple[str, ...], shown: bool) -> None:
    """That none is sent is told only where none can be."""
    told = _print(configure(*sections))
    assert (_NO_PICTURE["en"] in told) == (not shown)
    assert ("A live page may show what the camera sees" in told) == shown


def test_page_in_a_file(configure: Configure, tmp_path: Path) -> None:
    """It holds the notice, and where it is is told."""
    out = tmp_path / "notice.html"
    assert _print(configure(), "--html", out) == f"{out}: to be printed"
    words = " ".join(_Page(out.read_text(encoding="utf-8")).words)
    assert "Institute" in words
    *first, last = read_manifest(RELEASED, BundleManifest).labels
    assert f": {', '.join(first)} or {last}." in words


def _refused(*arguments: str | Path) -> list[str]:
    done = run_command("fer-edge", "notice", "--config", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.removeprefix("fer-edge: ").splitlines()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ["law.purpose", "law.operator", "law.contact"]),
        (
            '[law]\npurpose = "education"\noperator = "School"\ncontact = " "\n',
            ["law.purpose", "law.contact"],
        ),
    ],
    ids=["empty", "prohibited"],
)
def test_what_is_missing(tmp_path: Path, text: str, keys: list[str]) -> None:
    """All of it is told at once, a line each, and there is no notice."""
    path = tmp_path / "fer-edge.toml"
    path.write_text(text)
    out = tmp_path / "notice.html"
    lines = _refused(path, "--html", out)
    assert [line.split(": ")[1] for line in lines] == keys
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert not out.exists()


def test_places_that_are_none(configure: Configure, tmp_path: Path) -> None:
    """A bundle that is not there, and a page that cannot be written, are named."""
    nowhere = tmp_path / "nowhere"
    (line,) = _refused(configure(f'[model]\nbundle = "{nowhere}"'))
    assert line.startswith(f"{nowhere}: ")
    (line,) = _refused(configure(), "--html", nowhere / "notice.html")
    assert line == f"{nowhere}/notice.html: No such file or directory"


def test_unknown_language(configure: Configure) -> None:
    """Those that there are are named."""
    done: Any = run_command(
        "fer-edge", "notice", "--config", configure(), "--language", "fr"
    )
    assert done.returncode == 2
    assert "'fr' is not one of 'en', 'de'" in done.stderr
