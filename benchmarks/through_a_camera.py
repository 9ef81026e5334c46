"""What the daemon's own way to a face costs: scene, detector, ``crop_face``, model.

    .venv/bin/python benchmarks/through_a_camera.py --data FACES.zip --votes votes.csv \
        --yunet-model face_detection_yunet_2023mar.onnx BUNDLE

Validation faces are enlarged into a frame of 640x480 and found there as on the device,
by YuNet and by Haar, with whatever box comes of it. The model answers to what
``crop_face`` cuts, and to the very face as it lies in the data; only faces that were
found are compared. A model that learned another framing than the detector's loses here
what no figure on cut faces shows.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.preprocess import Box, Pixels, crop_face
from fer_edge.detectors import Detector, DetectorSettings
from fer_edge.detectors.haar import HaarDetector
from fer_edge.detectors.yunet import YuNetDetector
from fer_trainer.evaluation import open_model
from fer_trainer.evaluation.majority import NONE, majority
from fer_trainer.votes import read_votes

_PATH = click.Path(path_type=Path, exists=True)
_WIDTH, _HEIGHT = 640, 480


def scene_of(face: Pixels, side: int) -> tuple[Pixels, Box]:
    """Return a frame uint8 (480, 640, 3) with a face of a side in its middle.

    Round the face its own border goes on, blurred, as hair and wall would: a hard edge
    is what no camera sees.
    """
    large = cv2.resize(face[..., 0], (side, side), interpolation=cv2.INTER_CUBIC)
    top, left = (_HEIGHT - side) // 2, (_WIDTH - side) // 2
    frame: Any = cv2.copyMakeBorder(
        large,
        top,
        _HEIGHT - side - top,
        left,
        _WIDTH - side - left,
        cv2.BORDER_REPLICATE,
    )
    frame = cv2.GaussianBlur(frame, (0, 0), 15)
    frame[top : top + side, left : left + side] = large
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), Box(left, top, side, side)


def best_box(found: list[Box], wanted: Box) -> Box | None:
    """Return the box whose centre is nearest, if it lies within the face."""
    centre = np.array([wanted.x + wanted.width / 2, wanted.y + wanted.height / 2])

    def distance(box: Box) -> float:
        middle = np.array([box.x + box.width / 2, box.y + box.height / 2])
        return float(np.linalg.norm(middle - centre))

    near = min(found, key=distance, default=None)
    return near if near and distance(near) < wanted.width / 2 else None


def judge(
    answer: Callable[[Pixels], npt.NDArray[np.float64]],
    spec: Any,
    faces: FaceSet,
    by_votes: npt.NDArray[np.int64] | None,
    detector: Detector,
    side: int,
) -> dict[str, Any]:
    """Compare answers to faces as in the data and as the detector cuts them."""
    kept: list[int] = []
    crops = []
    for index, face in enumerate(faces.faces):
        frame, wanted = scene_of(face, side)
        box = best_box(detector.detect(frame), wanted)
        if box is not None:
            kept.append(index)
            crops.append(crop_face(frame, box, spec))
    figures: dict[str, Any] = {
        "detector": detector.name,
        "side": side,
        "faces": len(faces),
        "found": len(kept),
    }
    if not kept:
        return figures
    named = {
        "direct": answer(faces.faces[kept]).argmax(axis=1),
        "found_and_cut": answer(np.stack(crops)).argmax(axis=1),
    }
    truths = {"labels": faces.classes[kept]}
    if by_votes is not None:
        truths["votes"] = by_votes[kept]
    for name, truth in truths.items():
        known = truth != NONE
        figures[name] = {
            way: round(float((answers[known] == truth[known]).mean()), 4)
            for way, answers in named.items()
        }
    same = named["direct"] == named["found_and_cut"]
    figures["same_answer"] = round(float(same.mean()), 4)
    return figures


@click.command()
@click.argument("bundle", type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Zip or folder of faces.")
@click.option("--votes", type=_PATH, help="CSV of FER+ votes.")
@click.option("--yunet-model", type=_PATH, help="Also find faces by YuNet.")
@click.option("--side", type=click.IntRange(48, 480), default=200, help="Of a face.")
@click.option("--every", type=click.IntRange(1), default=1, help="Take every n-th.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    bundle: Path,
    data: Path,
    votes: Path | None,
    yunet_model: Path | None,
    side: int,
    every: int,
    as_json: bool,
) -> None:
    """Judge the model of BUNDLE on faces that the device's detectors have found."""
    model = open_model(bundle)
    faces = FaceData(data, model.labels, model.input).load("validation")
    faces = faces.take(range(0, len(faces), every))
    table = read_votes(votes) if votes else None
    by_votes = majority(table, faces) if table else None
    smallest, longest = side // 3, DetectorSettings().detection_pixels
    detectors: list[Detector] = [HaarDetector(smallest, longest)]
    if yunet_model is not None:
        detectors.insert(0, YuNetDetector(yunet_model, smallest, longest))
    rows = [
        judge(model.answer, model.input, faces, by_votes, detector, side)
        for detector in detectors
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for figures in rows:
        click.echo(
            f"{figures['detector']}: {figures['found']:,} of {figures['faces']:,} found"
        )
        for name in ("labels", "votes"):
            if name in figures:
                part = figures[name]
                click.echo(
                    f"  by the {name}: {part['direct']:.1%} as in the data, "
                    f"{part['found_and_cut']:.1%} found and cut"
                )


if __name__ == "__main__":
    main()
