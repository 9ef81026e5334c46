"""Options that several commands share."""

from collections.abc import Iterable
from pathlib import Path

import click

from fer_contract.completion import complete_words
from fer_contract.labels import Labels, parse_labels

PATH = click.Path(path_type=Path, readable=False)  # opening it says it better
SEED = click.IntRange(0, 2**32 - 1)  # what Keras takes


def _presets() -> Iterable[str]:
    from fer_trainer import presets

    return presets.PRESETS


def _recipes() -> Iterable[str]:
    from fer_trainer import recipes

    return recipes.RECIPES


# For shells; a name that is unknown is refused by what looks it up.
PRESETS = complete_words(_presets)
RECIPES = complete_words(_recipes)


def read_labels(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Labels | None:
    """Read ``--labels``: names with commas between them."""
    return None if value is None else parse_labels(value, "--labels")
