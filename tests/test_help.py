"""``--help`` of every command teaches, and its examples are taken."""

from collections import defaultdict

import click
import pytest

from commands import complaint, every_command, examples

_COMMANDS = every_command()


def _examples(command: click.Command) -> list[str]:
    return examples(command.help or "")


def _options(command: click.Command) -> list[click.Option]:
    return [part for part in command.params if isinstance(part, click.Option)]


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
    assert complaint(example) == ""
