"""The commands that train a model again, from what its manifest tells of it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fer_contract.errors import FerError
from fer_trainer.plan import BEFORE, TEACHER
from fer_trainer.presets import PRESETS
from fer_trainer.recipes import RECIPES

_OF_A_PRESET = ("epochs", "batch_size", "learning_rate")
_SWITCHES = ("mixed_precision", "drop_leaks")
_LAST = "RUN"


def commands(training: Mapping[str, Any], data: str, votes: str | None) -> list[str]:
    """Return the shell commands, each making a directory of its own, this run's last.

    Teachers and the run that it began with come before it, and no command twice: runs
    of the same one differ by what manifests do not tell of them, such as the machine.

    Args:
        training: of a run's or a bundle's manifest, with ``preset`` and ``seed``.
        data: what stands behind ``--data``.
        votes: what stands behind ``--votes``, where votes were used.

    Raises:
        FerError: it was trained by something that no option can ask for any more.
    """
    made = _Commands(data, votes)
    made.add(training, _LAST)
    return made.lines


@dataclass(slots=True)
class _Commands:
    data: str
    votes: str | None
    lines: list[str] = field(default_factory=list)
    made: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Directories of earlier runs, keyed by their command without that."""

    def add(self, training: Mapping[str, Any], out: str) -> str:
        """Add what trains a run, unless it is there; return where it then is."""
        words = tuple(self._words(training, "" if out == _LAST else f"{out}-"))
        if words not in self.made:
            self.made[words] = out
            self.lines.append(shlex.join([*words, "--out", out]))
        return self.made[words]

    def _words(self, training: Mapping[str, Any], prefix: str) -> list[str]:
        words = ["fer-train", "run", "--data", self.data]
        if training.get("votes"):
            words += ["--votes", self.votes or training["votes"]]
        words += ["--preset", training["preset"], *_recipe_options(training["recipe"])]
        preset = PRESETS.get(training["preset"])
        for key in _OF_A_PRESET:
            if preset is None or getattr(preset, key) != training[key]:
                words += [_option(key), f"{training[key]:g}"]
        words += [_option(key) for key in _SWITCHES if training[key]]
        weights = training.get("weights")
        asked = ["--seed", str(training["seed"])]
        for number, teacher in enumerate(training.get("teachers", ()), start=1):
            name = self.add(teacher, f"{prefix}TEACHER{number}")
            asked += ["--teacher", name]
            if weights == f"{TEACHER} {number}":
                weights = name
        if weights == BEFORE:
            weights = self.add(training["run_before"], f"{prefix}BEFORE")
        return [*words, *(["--weights", weights] if weights else []), *asked]


def _recipe_options(recipe: Mapping[str, Any]) -> list[str]:
    """Return ``--recipe`` and what was changed of it."""
    words = ["--recipe", recipe["name"]]
    known = RECIPES.get(recipe["name"])
    if known is None:
        raise FerError(f"recipe: {recipe['name']!r}; allowed are {', '.join(RECIPES)}")
    usual = known.facts()
    for key, value in recipe.items():
        if key == "augmentation":
            # JSON has no tuples.
            if {k: _plain(v) for k, v in value.items()} != {
                k: _plain(v) for k, v in usual[key].items()
            }:
                raise FerError(
                    f"recipe: {recipe['name']} augments otherwise by now; its manifest "
                    "alone tells how this model was trained"
                )
        elif value != usual[key]:
            if isinstance(value, bool):
                words.append(_option(key if value else f"no_{key}"))
            else:
                words += [
                    _option(key),
                    f"{value:g}" if isinstance(value, int | float) else str(value),
                ]
    return words


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"
