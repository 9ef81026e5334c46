"""What a shell offers for an argument, where click cannot know it.

It is asked for with each press of the tabulator: cheap, and silent where it fails.
"""

import contextlib
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from fer_contract.errors import FerError

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_words(words: Callable[[], Iterable[str]]) -> Completer:
    """Return what offers words.

    Args:
        words: gives them; it imports what it needs when it is asked.
    """

    def complete(
        _context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        with contextlib.suppress(FerError, OSError):
            return [CompletionItem(word) for word in words() if word.startswith(begun)]
        return []

    return complete


def complete_files(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer files, for a text that may be something else, too."""
    return [CompletionItem(begun, type="file")]
