"""``fer-train evaluate``: how good is what was saved?"""

import json
from pathlib import Path
from typing import Any

import click

from fer_contract.errors import naming
from fer_trainer.commands.options import PATH

_FEW = 1000


@click.command("evaluate")
@click.argument("run", type=PATH)
@click.option("--data", type=PATH, required=True, help="Zip or folder of faces.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="validation",
    help="Choose on validation, look at test once.",
)
@click.option("--votes", type=PATH, help="CSV of FER+ votes, to judge by those too.")
@click.option(
    "--out",
    type=PATH,
    help="Directory for the report.  [default: RUN-SPLIT, beside it]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--skip-unreadable", is_flag=True, help="Leave broken images out, named.")
def evaluate_command(
    *,
    run: Path,
    data: Path,
    split: str,
    votes: Path | None,
    out: Path | None,
    as_json: bool,
    skip_unreadable: bool,
) -> None:
    """Measure the model that a run has saved.

    It is loaded from its file; labels and their order are those of its manifest.

    \b
    Example:
      fer-train evaluate RUN --data Facial_emotion_images.zip --votes votes.csv
    """
    from fer_contract.dataset import FaceData
    from fer_contract.manifest import RunManifest, read_manifest
    from fer_trainer.evaluation import measure, predict
    from fer_trainer.evaluation.report import FILES, PAGE, write_evaluation
    from fer_trainer.pages import check_place
    from fer_trainer.votes import read_votes

    manifest = read_manifest(run, RunManifest)
    place = out or run.resolve().with_name(f"{run.resolve().name}-{split}")
    check_place(place, FILES)
    faces = FaceData(
        data, manifest.labels, manifest.input, skip_unreadable=skip_unreadable
    ).load(split)
    table = read_votes(votes) if votes else None
    if table is not None:
        table.check(faces)  # now, not after the model has answered
    probabilities = predict(run / RunManifest.MODEL, faces)
    evaluation = measure(probabilities, faces, table)
    about = {
        "preset": manifest.preset,
        "model_sha256": manifest.files[RunManifest.MODEL],
        "data": data.name,
        "data_sha256": faces.digest,
    }
    with naming(place):
        facts = write_evaluation(evaluation, about, place)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in _lines(facts):
        click.echo(line)
    click.echo(f"report: {place / PAGE}")


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the figures as text for people."""
    lines = [
        f"{facts['preset']} on {facts['split']}: {_accuracy(facts)}, "
        f"{_macro_f1(facts)}",
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
