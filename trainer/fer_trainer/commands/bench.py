"""``fer-train bench``: is the trainer fast enough on this machine?"""

import json
from typing import Any

import click

from fer_trainer.commands.options import PRESETS
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)


@click.command("bench")
@click.option(
    "--preset",
    default="compact",
    shell_complete=PRESETS,
    help="Network to train.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, help="Of each measurement."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@training_options
def bench_command(*, preset: str, rounds: int, as_json: bool, **choices: Any) -> None:
    """Measure step time, waiting for data, memory, and the input pipeline.

    The pipeline is measured against Keras' ImageDataGenerator, in turns.

    \b
    Example:
      fer-train bench --data Facial_emotion_images.zip --preset compact
    """
    from fer_trainer.bench import bench

    result = bench(read_material(choices), read_plan(preset, choices), rounds)
    if as_json:
        click.echo(json.dumps(result.facts, indent=2))
        return
    for line in result.lines():
        click.echo(line)
