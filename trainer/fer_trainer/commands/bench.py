"""``fer-train bench``: is the trainer fast enough on this machine?"""

import json
from typing import Any

import click

from fer_trainer.commands.options import AS_JSON, PRESET
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)


@click.command("bench")
@PRESET
@click.option(
    "--rounds", type=click.IntRange(1), default=5, help="Of each measurement."
)
@AS_JSON
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
