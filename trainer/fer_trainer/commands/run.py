"""``fer-train run``: train a network."""

import sys
from pathlib import Path

import click

from fer_contract.command import FiniteRange
from fer_contract.errors import naming
from fer_contract.labels import Labels
from fer_trainer.commands.options import PATH, SEED, parse_labels


@click.command("run")
@click.option(
    "--data",
    type=PATH,
    required=True,
    help="Zip or folder: {train,validation,test}/<label>/*.jpg",
)
@click.option("--preset", "preset_name", default="compact", help="Network to train.")
@click.option("--out", type=PATH, required=True, help="Run directory to make.")
@click.option("--epochs", type=click.IntRange(1), help="[default: the preset's]")
@click.option("--batch-size", type=click.IntRange(1), help="[default: the preset's]")
@click.option(
    "--learning-rate",
    type=FiniteRange(0, 1, min_open=True),
    help="At the start, before it falls to 0.  [default: the preset's]",
)
@click.option("--seed", type=SEED, default=0, help="Repeats a run.")
@click.option(
    "--labels",
    callback=parse_labels,
    help="Their order, with commas.  [default: the folders, alphabetically]",
)
@click.option("--skip-unreadable", is_flag=True, help="Leave broken images out, named.")
def run_command(
    *,
    data: Path,
    preset_name: str,
    out: Path,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int,
    labels: Labels | None,
    skip_unreadable: bool,
) -> None:
    """Train a network and leave a run directory for fer-convert.

    \b
    Example:
      fer-train run --data Facial_emotion_images.zip --preset compact --out RUN
    """
    from fer_contract.dataset import FaceData
    from fer_trainer.presets import find_preset
    from fer_trainer.train import Plan, train

    preset = find_preset(preset_name)
    faces = FaceData(data, labels, skip_unreadable=skip_unreadable)
    plan = Plan(
        preset,
        epochs=epochs or preset.epochs,
        batch_size=batch_size or preset.batch_size,
        learning_rate=learning_rate or preset.learning_rate,
        seed=seed,
    )
    click.echo(f"{data}: labels {', '.join(faces.labels)}; training {preset.name}")
    with naming(out):
        # No standard output at all, if whoever started us closed it.
        live_bar = sys.stdout is not None and sys.stdout.isatty()
        manifest = train(faces, out, plan, live_bar=live_bar)
    measured = manifest.training["validation"]
    low, high = measured["accuracy_95"]
    click.echo(
        f"validation accuracy {measured['accuracy']:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}, {measured['faces']:,} faces)"
    )
    click.echo(f"run: {out}")
