"""``fer-train compare``: several models side by side, and why they differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fer_contract.errors import FerError, naming
from fer_trainer.commands.options import COMPLETE_PRESETS, PATH
from fer_trainer.commands.training_options import (
    read_material,
    read_plan,
    training_options,
)

if TYPE_CHECKING:
    from fer_contract.dataset import FaceSet
    from fer_trainer.votes import Votes

# What matters where nothing is trained.
_TO_JUDGE = frozenset({"data", "labels", "skip_unreadable", "votes", "places", "out"})


@click.command("compare")
@click.argument("places", metavar="[RUN|BUNDLE]...", type=PATH, nargs=-1)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    shell_complete=COMPLETE_PRESETS,
    help="Network to train for it; once for each.",
)
@click.option(
    "-o", "--out", type=PATH, required=True, help="Directory for the page and all runs."
)
@training_options
@click.pass_context
def compare_command(
    context: click.Context,
    /,
    *,
    places: tuple[Path, ...],
    presets: tuple[str, ...],
    out: Path,
    **choices: Any,
) -> None:
    """Judge several models on the same validation faces; leave a page that says why.

    A RUN or BUNDLE is taken as it is; a --preset is trained first, all of them alike.
    The first one is what the others are held against. Broken off, the same command
    goes on where it was; what is trained stays.

    \b
    Examples:
      fer-train compare RUN BUNDLE --data Facial_emotion_images.zip --out COMPARED
      fer-train compare --data Facial_emotion_images.zip --out COMPARED \\
        --preset base --preset compact --recipe study --epochs 20
    """
    from fer_trainer.comparison import (
        JSON,
        PAGE,
        check_comparable,
        compare,
        train_all,
        write_comparison,
    )

    if not places and not presets:
        raise FerError(
            "--preset: nothing to compare; it, or a RUN or BUNDLE, is wanted"
        )
    for given, what in ((presets, "--preset"), ([*map(str, places)], "RUN|BUNDLE")):
        if len(set(given)) < len(given):
            raise FerError(f"{what}: {', '.join(given)}; each is allowed once")
    with naming(out):
        if presets:
            plans = [read_plan(preset, choices) for preset in presets]
            material = read_material(choices)
            faces, votes = material.validation, material.votes
            data = material.facts()
            for place in places:  # better known now than after the trainings
                check_comparable(place, faces)
            runs = train_all(material, out, plans, say=click.echo)
        else:
            _refuse_idle(context)
            faces, votes = _read_validation(places[0], choices)
            data = {
                "source": choices["data"].name,
                "splits": {faces.split: faces.facts()},
            }
            runs = []
        contestants = compare([*places, *runs], faces, votes)
        rows = write_comparison(contestants, data, out)["rows"]
    click.echo(_table(rows))
    click.echo(f"figures: {out / JSON}")
    click.echo(f"page: {out / PAGE}")


def _refuse_idle(context: click.Context) -> None:
    """Refuse what was asked of a training where nothing is trained."""
    for part in context.command.params:
        name = part.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _TO_JUDGE:
            raise FerError(
                f"{part.opts[0]}: is for networks to train; name them with --preset"
            )


def _read_validation(
    first: Path, choices: dict[str, Any]
) -> "tuple[FaceSet, Votes | None]":
    """Load the faces as the first model takes them, and the votes."""
    from fer_contract.dataset import FaceData
    from fer_trainer.evaluation import read_either
    from fer_trainer.votes import read_votes

    manifest = read_either(first)
    faces = FaceData(
        choices["data"],
        choices["labels"] or manifest.labels,
        manifest.input,
        skip_unreadable=choices["skip_unreadable"],
    ).load("validation")
    votes = read_votes(choices["votes"]) if choices["votes"] else None
    if votes is not None:
        votes.check(faces)
    return faces, votes


def _table(rows: Sequence[dict[str, Any]]) -> str:
    width = max(22, *(len(row["name"]) for row in rows))
    faces = rows[0]["evaluation"]["faces"]
    lines = [
        f"validation, {faces:,} faces; intervals 95 %; difference to {rows[0]['name']}",
        f"{'model':<{width}} {'epochs':>6} {'minutes':>7} {'accuracy':>22} "
        f"{'macro-F1':>8} {'difference (points)':>20}",
    ]
    for row in rows:
        figures, training = row["evaluation"], row["training"]
        low, high = figures["accuracy_95"]
        accuracy = f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"
        difference = epochs = minutes = "-"
        if row["difference_95"] is not None:
            worst, best = (100 * end for end in row["difference_95"])
            difference = f"{worst:+.1f} to {best:+.1f}"
        if training:
            epochs = str(training["epochs_trained"])
            minutes = f"{training['seconds'] / 60:.1f}"
        lines.append(
            f"{row['name']:<{width}} {epochs:>6} {minutes:>7} {accuracy:>22} "
            f"{figures['macro_f1']:>8.3f} {difference:>20}"
        )
    return "\n".join(lines)
