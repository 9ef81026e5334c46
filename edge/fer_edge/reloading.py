"""A changed configuration for a daemon that runs: what of it can hold at once."""

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from fer_edge.config import Config, examine
from fer_edge.errors import ConfigurationError

_LOGGER = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a key."""

    APPLIED = "applied"
    NEEDS_RESTART = "needs a restart"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one key, or of the file."""

    about: str
    """The key; of one that is rejected also its place, its value, what is allowed."""
    outcome: Outcome
    news: str = ""
    """What it is now, and what it was, where it is applied."""

    def __str__(self) -> str:
        news = f", {self.news}" if self.news else ""
        return f"{self.outcome}: {self.about}{news}"


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload comes to."""

    config: Config
    """What is to hold from now on."""
    answers: tuple[Answer, ...]
    """One a key that has changed, or that is mistaken."""


def reload(path: Path, running: Config) -> Reload:
    """Read the configuration anew: all that can be of it, or nothing if it is mistaken.

    Args:
        path: the file.
        running: what holds now. A key that waits for a restart differs from it at each
            reload, and is answered each time.
    """
    try:
        wanted, mistakes = examine(path)
    except ConfigurationError as failure:
        return _rejected(running, failure.args)
    if mistakes:
        return _rejected(running, [mistake.of(path) for mistake in mistakes])
    return Reload(after(running, wanted), tuple(compare(running, wanted)))


def compare(running: Config, wanted: Config) -> list[Answer]:
    """Tell of every key that differs whether it can hold without a restart."""
    answers = []
    for section in dataclasses.fields(Config):
        old, new = getattr(running, section.name), getattr(wanted, section.name)
        if not dataclasses.is_dataclass(old):  # an array of tables
            if old != new:
                answers.append(Answer(section.name, Outcome.NEEDS_RESTART))
            continue
        for part in dataclasses.fields(old):
            was, becomes = getattr(old, part.name), getattr(new, part.name)
            if was == becomes:
                continue
            key = f"{section.name}.{part.name}"
            if part.metadata["live"]:
                news = f"{becomes} instead of {was}"
                answers.append(Answer(key, Outcome.APPLIED, news))
            else:
                # Without its value: that of camera.source may hold a password.
                answers.append(Answer(key, Outcome.NEEDS_RESTART))
    return answers


def after(running: Config, wanted: Config) -> Config:
    """Return what holds once the keys that need no restart are those wanted."""
    sections: dict[str, Any] = {}
    for section in dataclasses.fields(Config):
        old, new = getattr(running, section.name), getattr(wanted, section.name)
        if dataclasses.is_dataclass(old) and not isinstance(old, type):
            live = {
                part.name: getattr(new, part.name)
                for part in dataclasses.fields(old)
                if part.metadata["live"]
            }
            sections[section.name] = dataclasses.replace(old, **live)
    return dataclasses.replace(running, **sections)


def log(answers: Sequence[Answer]) -> None:
    """Tell whoever has asked for the reload, and waits for an answer."""
    for answer in answers:
        _LOGGER.warning("reload: %s", answer)
    if not answers:
        _LOGGER.warning("reload: nothing has changed")
    if any(answer.outcome is Outcome.REJECTED for answer in answers):
        _LOGGER.warning("reload: all stays as it was")


def _rejected(running: Config, lines: Sequence[str]) -> Reload:
    return Reload(running, tuple(Answer(line, Outcome.REJECTED) for line in lines))
