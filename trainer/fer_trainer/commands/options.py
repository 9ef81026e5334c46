"""Options that several commands share."""

from pathlib import Path

import click

from fer_contract.labels import Labels, check_labels

PATH = click.Path(path_type=Path, readable=False)  # opening it says it better
SEED = click.IntRange(0, 2**32 - 1)  # what Keras takes


def parse_labels(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Labels | None:
    """Read ``--labels``: names with commas between them."""
    if value is None:
        return None
    return check_labels([name.strip() for name in value.split(",")], "--labels")
