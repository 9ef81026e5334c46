"""The three commands and all that stand below them, as click knows them."""

import shlex
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


def examples(text: str) -> list[str]:
    """Return the lines that begin with one of the commands, whole if continued."""
    lines = (
        line.strip().removeprefix("$ ").removeprefix("sudo ")
        for line in text.replace("\\\n", " ").splitlines()
    )
    return [line for line in lines if line.startswith(("fer-", 'cat "$(fer-'))]


def complaint(example: str) -> str:
    """Return what a command has against a line that is typed; nothing if it takes it.

    Files are made up, and may be missing.
    """
    inside = example.partition("$(")[2].partition(")")[0] or example
    inside = inside.replace("9f86d0…", "9f86d081" * 8).replace("…", "")
    words = shlex.split(inside, comments=True)
    words = words[: next((k for k, w in enumerate(words) if w in ("|", ">")), None)]
    command, arguments = every_command()[words[0]], words[1:]
    while isinstance(command, click.Group):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    try:
        command.make_context(command.name, arguments)
    except click.BadParameter as mistake:
        return "" if "does not exist" in mistake.message else mistake.message
    except click.UsageError as mistake:
        return mistake.message
    return ""
