"""Options that several commands share."""

from collections.abc import Iterable
from pathlib import Path

import click

from fer_contract.completion import complete_words
from fer_contract.labels import Labels, parse_labels
from fer_trainer.recipes import RECIPES

PATH = click.Path(path_type=Path, readable=False)  # opening it says it better
SEED = click.IntRange(0, 2**32 - 1)  # what Keras takes


def _presets() -> Iterable[str]:
    from fer_trainer import presets

    return presets.PRESETS


# For shells; a name that is unknown is refused by what looks it up.
COMPLETE_PRESETS = complete_words(_presets)
COMPLETE_RECIPES = complete_words(lambda: RECIPES)


def _read_labels(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Labels | None:
    """Read ``--labels``: names with commas between them."""
    return None if value is None else parse_labels(value, "--labels")


PRESET = click.option(
    "--preset",
    default="compact",
    shell_complete=COMPLETE_PRESETS,
    help="Network to train.",
)
DATA = click.option(
    "--data",
    type=PATH,
    required=True,
    help="Zip or folder: {train,validation,test}/<label>/*.jpg",
)
LABELS = click.option(
    "--labels",
    callback=_read_labels,
    help="Their order, with commas.  [default: the folders, alphabetically]",
)
SKIP_UNREADABLE = click.option(
    "--skip-unreadable", is_flag=True, help="Leave broken images out, named."
)
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print the figures as JSON."
)
