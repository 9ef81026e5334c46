"""``fer-train compare``: several networks trained alike, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_contract.errors import FerError, naming
from fer_trainer.commands.options import COMPLETE_PRESETS, PATH
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)

if TYPE_CHECKING:
    from fer_trainer.comparing import Row


@click.command("compare")
@click.option(
    "--preset",
    "presets",
    multiple=True,
    required=True,
    shell_complete=COMPLETE_PRESETS,
    help="Once for each network.",
)
@click.option("-o", "--out", type=PATH, required=True, help="Directory for all runs.")
@training_options
def compare_command(*, presets: tuple[str, ...], out: Path, **choices: Any) -> None:
    """Train several networks alike and judge them on the same validation faces.

    Broken off, the same command goes on where it was; what is trained stays.

    \b
    Example:
      fer-train compare --data Facial_emotion_images.zip --out COMPARISON \\
        --preset base --preset compact --recipe study --epochs 20
    """
    from fer_trainer.comparing import COMPARISON, compare

    if len(set(presets)) < len(presets):
        raise FerError(f"--preset: {', '.join(presets)}; each is allowed once")
    plans = [read_plan(preset, choices) for preset in presets]
    material = read_material(choices)
    with naming(out):
        rows = compare(material, out, plans, say=click.echo)
    click.echo(_table(rows))
    click.echo(f"figures: {out / COMPARISON}")


def _table(rows: "list[Row]") -> str:
    faces = rows[0].figures["faces"]
    lines = [
        f"validation, {faces:,} faces; intervals 95 %; difference to {rows[0].name}",
        f"{'preset':<22} {'epochs':>6} {'minutes':>7} {'accuracy':>22} "
        f"{'macro-F1':>8} {'difference (points)':>20}",
    ]
    for row in rows:
        low, high = row.figures["accuracy_95"]
        accuracy = f"{row.figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"
        difference = "-"
        if row.difference_95 is not None:
            worst, best = (100 * end for end in row.difference_95)
            difference = f"{worst:+.1f} to {best:+.1f}"
        lines.append(
            f"{row.name:<22} {row.training['epochs_trained']:>6} "
            f"{row.training['seconds'] / 60:>7.1f} {accuracy:>22} "
            f"{row.figures['macro_f1']:>8.3f} {difference:>20}"
        )
    return "\n".join(lines)
