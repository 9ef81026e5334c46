"""``fer-train tune``: search settings with Optuna."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_contract.errors import naming
from fer_trainer.commands.options import PATH, PRESET
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)

if TYPE_CHECKING:
    from fer_trainer.tune import Found


@click.command("tune")
@PRESET
@click.option("-o", "--out", type=PATH, required=True, help="Directory for all trials.")
@click.option("--trials", type=click.IntRange(1), default=20, help="To train now.")
@click.option(
    "--search",
    "space",
    multiple=True,
    help="NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=ONE,TWO; several times.  "
    "[default: learning rate, weight decay, label smoothing, mixup]",
)
@click.option(
    "--storage",
    help="URL of a database that many machines share.  [default: SQLite in --out]",
)
@click.option("--study", default="fer-train", help="Name of the search there.")
@training_options
def tune_command(
    *,
    preset: str,
    out: Path,
    trials: int,
    space: tuple[str, ...],
    storage: str | None,
    study: str,
    **choices: Any,
) -> None:
    """Search settings: train again and again, and give up early what goes badly.

    On many machines: the same --storage and --study, and an --out of each its own.
    Broken off, the same command takes the broken trial up again.

    \b
    Example:
      fer-train tune --data Facial_emotion_images.zip --epochs 15 --out TUNE \\
        --search learning_rate=0.0003:0.01:log --search batch_size=32,64,128
    """
    from fer_trainer.search_space import DEFAULT, parse_dimension
    from fer_trainer.tune import TUNE, Search, tune

    plan = read_plan(preset, choices)
    search = Search(
        space=[parse_dimension(text) for text in space or DEFAULT],
        trials=trials,
        storage=storage,
        study=study,
    )
    material = read_material(choices)
    with naming(out):
        found = tune(material, out, plan, search, say=click.echo)
    click.echo(_best(found, plan.recipe.monitor))
    click.echo(f"figures: {out / TUNE}")
    # Not where another machine trained it.
    if found.run is not None and (out / found.run).is_dir():
        click.echo(f"run: {out / found.run}")


def _best(found: "Found", monitor: str) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    return (
        f"best of {len(found.facts['trials'])} trials: {monitor} {found.value:.4f}, "
        f"trial {found.facts['best']}: {settings}"
    )
