"""``fer-train evaluate``: how good is what was saved?"""

import json
from pathlib import Path
from typing import Any

import click

from fer_contract.errors import naming
from fer_trainer.commands.options import AS_JSON, DATA, PATH, SKIP_UNREADABLE

_FEW = 1000


@click.command("evaluate")
@click.argument("place", metavar="RUN|BUNDLE", type=PATH)
@DATA
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="validation",
    help="Choose on validation, look at test once.",
)
@click.option("--votes", type=PATH, help="CSV of FER+ votes, to judge by those too.")
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Directory for the report.  [default: its name and the split, beside it]",
)
@click.option(
    "--robustness",
    "with_robustness",
    is_flag=True,
    help="Also judge on faces changed in light, sharpness, size, place: 9 curves.",
)
@AS_JSON
@SKIP_UNREADABLE
def evaluate_command(
    *,
    place: Path,
    data: Path,
    split: str,
    votes: Path | None,
    out: Path | None,
    with_robustness: bool,
    as_json: bool,
    skip_unreadable: bool,
) -> None:
    """Measure the model that a run has saved, or the int8 one of a bundle.

    It is loaded from its file; labels and their order are those of its manifest. A
    bundle's model answers as on the device, a face at a time.

    \b
    Examples:
      fer-train evaluate RUN --data Facial_emotion_images.zip --votes votes.csv
      fer-train evaluate BUNDLE --data Facial_emotion_images.zip --robustness
    """
    from fer_contract.dataset import FaceData
    from fer_trainer.evaluation import measure, open_model
    from fer_trainer.evaluation.majority import majority
    from fer_trainer.evaluation.report import FILES, PAGE, write_evaluation
    from fer_trainer.evaluation.robustness import robustness
    from fer_trainer.pages import check_place
    from fer_trainer.votes import read_votes

    target = out or place.resolve().with_name(f"{place.resolve().name}-{split}")
    check_place(target, FILES)
    model = open_model(place)
    faces = FaceData(
        data, model.labels, model.input, skip_unreadable=skip_unreadable
    ).load(split)
    table = read_votes(votes) if votes else None
    if table is not None:
        table.check(faces)  # now, not after the model has answered
    evaluation = measure(model.answer(faces.faces), faces, table)
    curves = (
        robustness(model.answer, faces, majority(table, faces) if table else None)
        if with_robustness
        else ()
    )
    about = {
        "model": model.name,
        "model_sha256": model.sha256,
        "data": data.name,
        "data_sha256": faces.digest,
    }
    with naming(target):
        facts = write_evaluation(evaluation, about, target, curves)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in _lines(facts):
        click.echo(line)
    click.echo(f"report: {target / PAGE}")


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the figures as text for people."""
    lines = [
        f"{facts['model']} on {facts['split']}: {_accuracy(facts)}, {_macro_f1(facts)}",
        f"calibration error {facts['calibration_error']:.1%}, "
        f"log loss {facts['log_loss']:.3f}",
        f"{'':<12} {'precision':>9} {'recall':>9} {'F1':>9} {'faces':>9}",
    ]
    for label, part in facts["classes"].items():
        lines.append(
            f"{label:<12} {part['precision']:>9.3f} {part['recall']:>9.3f} "
            f"{part['f1']:>9.3f} {part['support']:>9,}"
        )
    if facts["faces"] < _FEW:
        low, high = facts["accuracy_95"]
        lines.append(
            f"{facts['faces']} faces leave {100 * (high - low) / 2:.0f} points of "
            "doubt either way: no ground to choose between models"
        )
    votes = facts.get("votes")
    if votes and "accuracy" in votes:
        lines.append(
            f"against the majority of the votes: {_accuracy(votes)}, "
            f"{_macro_f1(votes)}; the labels themselves {votes['labels_agree']:.1%}"
        )
        if votes["human"]["accuracy"] is not None:
            lines.append(
                f"one person against the majority of the others: "
                f"{votes['human']['accuracy']:.1%} of {votes['human']['votes']:,} votes"
            )
        lines.append(f"{'':<12} {'model':>9} {'person':>9} {'faces':>9}")
        for label, part in votes["classes"].items():
            person = votes["human"]["recall"][label]
            shown = "-" if person is None else f"{person:.3f}"
            lines.append(
                f"{label:<12} {part['recall']:>9.3f} {shown:>9} {part['support']:>9,}"
            )
    elif votes:
        lines.append("against the votes: no face has a clear majority for a label")
    return lines


def _macro_f1(facts: dict[str, Any]) -> str:
    low, high = facts["macro_f1_95"]
    return f"macro-F1 {facts['macro_f1']:.3f} ({low:.3f} to {high:.3f})"


def _accuracy(facts: dict[str, Any]) -> str:
    low, high = facts["accuracy_95"]
    return (
        f"accuracy {facts['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}, "
        f"{facts['faces']:,} faces)"
    )
