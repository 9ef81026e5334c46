"""``fer-train card``: say what a bundle's model can do, and what it is not for."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fer_contract.errors import naming
from fer_trainer.commands.options import DATA, PATH

if TYPE_CHECKING:
    from fer_trainer.evaluation import Evaluation


@click.command("card")
@click.argument("bundle", type=PATH)
@DATA
@click.option("--votes", type=PATH, help="CSV of FER+ votes, to judge by those too.")
@click.option(
    "--data-licence",
    required=True,
    help="What may be done with the data, a sentence or two for the card.",
)
@click.option(
    "--test/--no-test",
    "with_test",
    default=False,
    help="Judge on the split test, too: once, when nothing is to be chosen any more.",
)
def card_command(
    *, bundle: Path, data: Path, votes: Path | None, data_licence: str, with_test: bool
) -> None:
    """Measure a bundle's model and write its MODEL_CARD.md into the bundle.

    On the validation faces, as they are and changed in light, sharpness and place.
    A card that is there is replaced.

    \b
    Example:
      fer-train card BUNDLE --data FACES.zip --votes votes.csv \\
        --data-licence "FER2013: for research."
    """
    from fer_contract.dataset import FaceData
    from fer_contract.manifest import BundleManifest, read_manifest
    from fer_trainer.evaluation import measure, open_model
    from fer_trainer.evaluation.card import CARD, card_facts, write_card
    from fer_trainer.evaluation.majority import majority
    from fer_trainer.evaluation.robustness import robustness
    from fer_trainer.reproduction import commands
    from fer_trainer.votes import read_votes

    manifest = read_manifest(bundle, BundleManifest)
    lines = commands(manifest.training, data.name, votes.name if votes else None)
    model = open_model(bundle)
    found = FaceData(data, model.labels, model.input)
    table = read_votes(votes) if votes else None

    def judged(split: str) -> "Evaluation":
        faces = found.load(split)
        if table is not None:
            table.check(faces)
        return measure(model.answer(faces.faces), faces, table)

    evaluation = judged("validation")
    last_look = judged("test") if with_test else None
    faces = evaluation.faces
    truth = majority(table, faces) if table else None
    curves = robustness(model.answer, faces, truth)
    facts = card_facts(bundle, manifest, evaluation, curves, last_look)
    with naming(bundle):
        write_card(
            facts,
            manifest,
            curves,
            bundle,
            data_licence=data_licence,
            commands=lines,
        )
    click.echo(f"card: {bundle / CARD}")
