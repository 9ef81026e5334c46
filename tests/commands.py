"""The three commands and all that stand below them, as click knows them."""

from collections.abc import Iterator

import click

from fer_converter.cli import cli as fer_convert
from fer_edge.cli import cli as fer_edge
from fer_trainer.cli import cli as fer_train

ROOTS = (fer_train, fer_convert, fer_edge)


def every_command() -> dict[str, click.Command]:
    """Return each by what is typed to reach it: ``fer-edge models use``."""
    return dict(pair for root in ROOTS for pair in _below(str(root.name), root))


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in command.commands.values():
            yield from _below(f"{name} {part.name}", part)
