"""``fer-train explore``: look at the faces before training on them."""

import json
from pathlib import Path
from typing import Any

import click

from fer_contract.errors import naming
from fer_contract.labels import Labels
from fer_trainer.commands.options import (
    AS_JSON,
    COMPLETE_RECIPES,
    DATA,
    LABELS,
    PATH,
    SEED,
    SKIP_UNREADABLE,
)
from fer_trainer.recipes import STANDARD


@click.command("explore")
@DATA
@click.option("-o", "--out", type=PATH, required=True, help="Directory for the page.")
@click.option("--votes", type=PATH, help="CSV of FER+ votes, to hold labels against.")
@click.option(
    "--recipe",
    "recipe_name",
    default=STANDARD.name,
    shell_complete=COMPLETE_RECIPES,
    help="Whose augmentation to show.",
)
@LABELS
@click.option("--seed", type=SEED, default=0, help="Chooses the faces shown.")
@AS_JSON
@SKIP_UNREADABLE
def explore_command(
    *,
    data: Path,
    out: Path,
    votes: Path | None,
    recipe_name: str,
    labels: Labels | None,
    seed: int,
    as_json: bool,
    skip_unreadable: bool,
) -> None:
    """Count, sample and audit labelled faces; leave a page with all of it.

    \b
    Example:
      fer-train explore --data Facial_emotion_images.zip --out EXPLORED
    """
    from fer_contract.dataset import FaceData
    from fer_trainer.exploration.explore import explore
    from fer_trainer.exploration.page import FILES, PAGE, write_exploration
    from fer_trainer.pages import check_place
    from fer_trainer.recipes import find_recipe
    from fer_trainer.votes import read_votes

    recipe = find_recipe(recipe_name)
    check_place(out, FILES)
    faces = FaceData(data, labels, skip_unreadable=skip_unreadable)
    table = read_votes(votes) if votes else None
    parts = [faces.load(split) for split in faces.splits]
    if not as_json:
        # It takes half a minute where there are 20,000.
        total = sum(map(len, parts))
        click.echo(f"holding {total:,} faces against each other")
    found = explore(data.name, parts, table)
    with naming(out):
        write_exploration(found, recipe.augmentation, recipe.name, seed, out)
    facts = found.facts()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in _lines(facts):
        click.echo(line)
    click.echo(f"page: {out / PAGE}")


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the figures as text for people."""
    splits = facts["splits"]
    lines = [f"{'':<12}" + "".join(f"{split:>12}" for split in splits)]
    for label in facts["labels"]:
        counts = "".join(f"{part['classes'][label]:>12,}" for part in splits.values())
        lines.append(f"{label:<12}{counts}")
    lines.append(
        f"{'all':<12}" + "".join(f"{part['count']:>12,}" for part in splits.values())
    )
    found = facts["duplicates"]
    lines.append(
        f"{found['groups']:,} photographs are there several times "
        f"({found['exact_groups']:,} to the last pixel): {found['surplus_faces']:,} "
        f"faces too many; {found['contradicting_groups']:,} have several labels"
    )
    leaking = ", ".join(
        f"{count:,} faces of {split}" for split, count in found["leaking_faces"].items()
    )
    lines.append(
        f"{found['leaking_groups']:,} photographs are in several splits ({leaking}); "
        "fer-train run --drop-leaks leaves them out of the training"
        if found["leaking_groups"]
        else "no photograph is in several splits"
    )
    for split, part in facts.get("votes", {}).items():
        human = part["human"]["accuracy"]
        one = f"; one person with the others {human:.1%}" if human is not None else ""
        lines.append(
            f"{split}: label and majority of the votes agree on "
            f"{part['agreement_overall']:.1%}{one}"
        )
    return lines
