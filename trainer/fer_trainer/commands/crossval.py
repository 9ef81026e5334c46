"""``fer-train crossval``: k trainings, each judged on faces that it never saw."""

from pathlib import Path
from typing import Any

import click

from fer_contract.errors import naming
from fer_trainer.commands.options import PATH, PRESET
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)


@click.command("crossval")
@PRESET
@click.option("-o", "--out", type=PATH, required=True, help="Directory for all folds.")
@click.option("--folds", type=click.IntRange(2, 20), default=5, help="How many.")
@training_options
def crossval_command(*, preset: str, out: Path, folds: int, **choices: Any) -> None:
    """Divide the training faces in folds; learn from all but one, score on that one.

    The epoch is chosen on the split validation. Duplicates share a fold. Broken off,
    the same command goes on where it was.

    \b
    Example:
      fer-train crossval --data Facial_emotion_images.zip --folds 5 --out CROSSVAL
    """
    from fer_trainer.crossval import CROSSVAL, cross_validate

    plan = read_plan(preset, choices)
    material = read_material(choices)
    with naming(out):
        result = cross_validate(material, out, plan, folds, say=click.echo)
    facts = result.facts()
    low, high = facts["accuracy_95"]
    click.echo(
        f"accuracy {facts['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}, "
        f"mean of {folds} folds, {facts['faces']:,} faces), "
        f"macro-F1 {facts['macro_f1']:.3f}"
    )
    low, high = facts["pooled_accuracy_95"]
    click.echo(
        f"all faces together {facts['pooled_accuracy']:.1%} ({low:.1%} to {high:.1%}); "
        "the interval above is wider where the folds differ, or are few"
    )
    click.echo(f"figures: {out / CROSSVAL}")
