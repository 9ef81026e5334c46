"""Harmful inputs from outside: whether anything but one clear line comes of them.

    .venv/bin/python benchmarks/fuzz.py --minutes 3
    .venv/bin/python benchmarks/fuzz.py --minutes 10 images bundles

Zips of pictures, bundles, bundles with a changed model, configurations and messages to
the ``set`` topics are drawn by Hypothesis, for so long each. It is a mistake if what
reads them raises anything but a ``FerError`` or says more than one line a mistake,
if it takes longer than ``--seconds``, or leaves a file behind. The first mistake ends
the run, reduced to the smallest input that shows it.
"""

import logging
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import fuzz_texts
import fuzz_zips
from fer_contract.errors import FerError
from fer_edge.errors import ConfigurationError


@dataclass(frozen=True)
class Target:
    """An input, and what reads it."""

    drawn: st.SearchStrategy[Any]
    read: Callable[[Any, Path], bool]


TARGETS = {
    "images": Target(fuzz_zips.images(), fuzz_zips.images_read),
    "bundles": Target(fuzz_zips.bundles(), fuzz_zips.bundles_read),
    "models": Target(fuzz_zips.models(), fuzz_zips.models_read),
    "configurations": Target(
        fuzz_texts.configurations(), fuzz_texts.configurations_read
    ),
    "commands": Target(fuzz_texts.commands(), fuzz_texts.commands_read),
}

_A_ROUND = 500
"""Examples from one look at the clock to the next."""


def fuzz(
    target: Target, *, examples: int, start: int, seconds: float = 60.0
) -> "Counter[str]":
    """Try so many examples; return how many were taken, and refused with which error.

    Args:
        target: what to try.
        examples: how many at most.
        start: repeats a run.
        seconds: that one may take.

    Raises:
        AssertionError: an example shows a mistake; so does any other exception.
    """
    seen: Counter[str] = Counter()

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(target.drawn)
    def attempt(drawn: Any) -> None:
        with tempfile.TemporaryDirectory() as above:
            folder = Path(above, "given")
            folder.mkdir()
            seen[_outcome(target, drawn, folder, seconds)] += 1
            left = [path for path in Path(above).rglob("*") if path != folder]
            assert not left, f"left behind: {left}"

    attempt()
    return seen


def _outcome(target: Target, drawn: Any, folder: Path, seconds: float) -> str:
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        target.read(drawn, folder)
    except FerError as refusal:
        text = str(refusal)
        # Of a configuration each mistake has a line of its own.
        lines = refusal.args if isinstance(refusal, ConfigurationError) else (text,)
        assert text.count("\n") == len(lines) - 1, text
        assert text.replace("\n", "").isprintable(), text
        return type(refusal).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return "taken"


def _too_long(_number: int, _frame: FrameType | None) -> NoReturn:
    raise AssertionError("it does not come to an end")


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--minutes", type=click.FloatRange(0), default=3.0, help="For each.")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, help="An input.")
@click.option("--seed", "start", type=click.IntRange(0), default=0)
def main(names: tuple[str, ...], minutes: float, seconds: float, start: int) -> None:
    """Try harmful inputs, of all kinds or of those named."""
    logging.disable()
    for name in names or TARGETS:
        until = time.monotonic() + 60 * minutes
        seen: Counter[str] = Counter()
        number = start
        while time.monotonic() < until or number == start:
            # The examination of a model starts a process.
            most = 20 if name == "models" else _A_ROUND
            seen += fuzz(TARGETS[name], examples=most, start=number, seconds=seconds)
            number += 1
        outcomes = ", ".join(
            f"{what} {count:,}" for what, count in sorted(seen.items())
        )
        click.echo(f"{name:<15}{seen.total():>9,} inputs: {outcomes}; no mistake")


if __name__ == "__main__":
    main()
