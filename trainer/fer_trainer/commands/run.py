"""``fer-train run``: train a network."""

import os
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


@click.command("run")
@PRESET
@click.option("-o", "--out", type=PATH, required=True, help="Run directory to make.")
@click.option(
    "--restart", is_flag=True, help="Begin anew, whatever unfinished run lies there."
)
@click.option(
    "--hosts",
    "addresses",
    help="Train on several machines: host:port of each, with commas; the first one "
    "keeps the run.",
)
@click.option(
    "--host-index", type=int, help="Place of this machine in --hosts, from 0."
)
@training_options
def run_command(
    *,
    preset: str,
    out: Path,
    restart: bool,
    addresses: str | None,
    host_index: int | None,
    **choices: Any,
) -> None:
    """Train a network and leave a run directory for fer-convert.

    Broken off, the same command goes on after the last whole epoch.
    Several GPUs of this machine are used together without being asked.

    \b
    Example:
      fer-train run --data Facial_emotion_images.zip --preset compact --out RUN
    """
    from fer_trainer.distributed.hosts import find_hosts
    from fer_trainer.training.run_directory import check_unused
    from fer_trainer.training.train import assist, train

    plan = read_plan(preset, choices)
    hosts = find_hosts(addresses, host_index, os.environ)
    if hosts.is_chief:
        check_unused(out)
    material = read_material(choices)
    click.echo(
        f"{choices['data']}: labels {', '.join(material.train.labels)}; "
        f"training {preset} by the recipe {plan.recipe.name}"
    )
    if not hosts.is_chief:
        assist(material, plan, hosts, say=click.echo)
        return
    with naming(out):
        manifest = train(
            material,
            out,
            plan,
            say=click.echo,
            restart=restart,
            hosts=hosts,
        )
    measured = manifest.training["validation"]
    low, high = measured["accuracy_95"]
    click.echo(
        f"validation accuracy {measured['accuracy']:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}, {measured['faces']:,} faces), "
        f"epoch {manifest.training['best_epoch']} of "
        f"{manifest.training['epochs_trained']}"
    )
    click.echo(f"run: {out}")
