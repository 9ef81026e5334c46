"""The notice to the people in front of the camera, from the configuration."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fer_edge.law import LawSettings

LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be read, in one language."""

    language: str
    """ISO 639-1."""
    title: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    """Head and value: what the configuration says."""


def missing(settings: LawSettings) -> list[str]:
    """Say what a notice cannot be without, a line a key.

    Whom to ask, and who it is, is what the GDPR's Article 13(1)(a) wants first.
    """
    return [
        f"law.{key}: missing; the notice names {what}"
        for key, what in (
            ("operator", "who answers for the camera"),
            ("contact", "where people can ask"),
        )
        if not getattr(settings, key).strip()
    ]


def compose(
    settings: LawSettings, labels: Sequence[str], language: str, *, preview: bool
) -> Notice:
    """Write the notice.

    Args:
        settings: that have no complaints.
        labels: the emotions that the model tells apart.
        language: one of LANGUAGES.
        preview: whether the live page may show pictures.
    """
    words = words_of(language)
    facts = []
    for key, head in words["heads"].items():
        value = getattr(settings, key)
        if value:
            facts.append((head, words.get(f"{key}s", {}).get(value, value)))
    return Notice(
        language,
        words["title"],
        (
            words["what"].format(emotions=_listed(labels, words["emotions"])),
            words["pictures" if preview else "no_pictures"],
            words["limits"],
            words["rights"],
        ),
        tuple(facts),
    )


def as_text(notice: Notice) -> str:
    """Return it for a terminal, or a label printer."""
    from textwrap import fill

    facts = (f"{head}: {value}" for head, value in notice.facts)
    parts = [notice.title.upper(), *notice.paragraphs]
    return "\n\n".join(fill(part, 72) for part in parts) + "\n\n" + "\n".join(facts)


def words_of(language: str) -> dict[str, Any]:
    """Return the texts of a language, of those in LANGUAGES."""
    text = resources.files("fer_edge.law") / "texts" / f"{language}.toml"
    return tomllib.loads(text.read_text(encoding="utf-8"))


def _listed(labels: Sequence[str], words: dict[str, str]) -> str:
    # A model of one's own has labels that no text knows: they are shown as they are.
    *first, last = (words.get(label, label) for label in labels)
    return f"{', '.join(first)} {words['or']} {last}" if first else last
