"""``--help`` of every command teaches, and its examples are taken."""

import shlex
from collections import defaultdict

import click
import pytest

from commands import every_command

_COMMANDS = every_command()


def _examples(command: click.Command) -> list[str]:
    """Lines of its help that begin with a command, each with what continues it."""
    text = (command.help or "").replace("\\\n", " ")
    lines = (line.strip().removeprefix("sudo ") for line in text.splitlines())
    return [line for line in lines if line.startswith(("fer-", 'cat "$(fer-'))]


def _options(command: click.Command) -> list[click.Option]:
    return [part for part in command.params if isinstance(part, click.Option)]


def _complaint(command: click.Command, arguments: list[str]) -> str:
    try:
        command.make_context(command.name, arguments)
    except click.BadParameter as mistake:
        # The files are made up.
        return "" if "does not exist" in mistake.message else mistake.message
    except click.UsageError as mistake:
        return mistake.message
    return ""


@pytest.mark.parametrize("name", _COMMANDS)
def test_example(name: str) -> None:
    """Every command shows how it is typed."""
    assert any(name in example for example in _examples(_COMMANDS[name]))


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_of_options(name: str) -> None:
    """Every option says what it is for."""
    silent = [part.opts for part in _options(_COMMANDS[name]) if not part.help]
    assert silent == []


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_of_arguments(name: str) -> None:
    """Every argument is spoken of, in capitals."""
    command = _COMMANDS[name]
    for part in command.params:
        if isinstance(part, click.Argument):
            shown = part.metavar or str(part.name).upper()
            words = shown.strip("[].").split("|")  # of one that may be left out
            assert all(word in (command.help or "") for word in words), words


def test_one_name_one_meaning() -> None:
    """An option has one form everywhere: its short name, and whether it has a value."""
    forms = defaultdict(set)
    for command in _COMMANDS.values():
        for part in _options(command):
            short = [name for name in part.opts if not name.startswith("--")]
            (long,) = (name for name in part.opts if name.startswith("--"))
            forms[long].add((*short, "flag" if part.is_flag else "value"))
    assert {name: form for name, form in forms.items() if len(form) > 1} == {}


@pytest.mark.parametrize(
    "example",
    sorted({line for command in _COMMANDS.values() for line in _examples(command)}),
)
def test_example_is_taken(example: str) -> None:
    """What a help text shows is understood by the command that it shows."""
    inside = example.partition("$(")[2].partition(")")[0] or example
    inside = inside.replace("9f86d0…", "9f86d081" * 8).removesuffix("…")
    words = shlex.split(inside)
    words = words[: next((k for k, w in enumerate(words) if w in ("|", ">")), None)]
    command, arguments = _COMMANDS[words[0]], words[1:]
    while isinstance(command, click.Group):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    assert _complaint(command, arguments) == ""
