"""Does the daemon tell the right emotion, of the right person, in time?

    .venv/bin/python benchmarks/time_line.py --data FACES.zip --votes votes.csv \
        --yunet-model face_detection_yunet_2023mar.onnx --out FOLDER [BUNDLE]

Two persons stand before a camera of 640x480 and 30 frames a second. Each shows a face
of the validation split for some seconds, then another; nobody stands still, and the
sensor is noisy. With votes, only faces are taken on which the label and at least eight
of ten taggers agree, so that it is known what is right. The video goes through the very
loop of the daemon, and its events are held against what was shown.

FOLDER gets ``scene.avi``, ``annotated.avi`` and ``figures.json``. The first two hold
faces of the data set: they are for looking at, not for passing on.
"""

import dataclasses
import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.preprocess import Box, Pixels
from fer_edge.annotating import open_annotator
from fer_edge.cameras.opening import open_camera
from fer_edge.config import Config
from fer_edge.events import Event, EventType
from fer_edge.loop import Turn, run
from fer_edge.start import assemble
from fer_trainer.votes import read_votes
from through_a_camera import scene_of

_PATH = click.Path(path_type=Path, exists=True)
_WIDTH, _HEIGHT, _RATE = 640, 480, 30.0
_SIDE = 170  # of a face, in pixels
_PLACES = ((160, 240), (480, 240))  # centres of the persons' faces
_SWAY_PIXELS = 14.0
_SWAY_SECONDS = 3.7
_NOISE = 4.0  # standard deviation of the sensor, in levels of 255
_CLEAR = 0.8  # share of the votes for what is shown


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    """A person shows one face for a while."""

    person: int
    emotion: str
    start: float
    end: float
    """Seconds since the first frame."""
    face: int
    """Index in the split."""


@dataclasses.dataclass(slots=True)
class Seen:
    """What the daemon made of it."""

    events: list[Event]
    person_of_track: dict[int, Counter[int]]


def plan(
    faces: FaceSet, clear: list[int], acts: int, seconds: float, seed: int
) -> list[Act]:
    """Choose who shows what, and when; no face twice, no emotion twice in a row."""
    rng = np.random.default_rng(seed)
    left = defaultdict(list)
    for index in rng.permutation(clear).tolist():
        left[faces.labels[faces.classes[index]]].append(index)
    line = []
    for person in range(len(_PLACES)):
        last = ""
        start = 0.0
        for _ in range(acts):
            emotion = str(rng.choice([name for name in faces.labels if name != last]))
            # Uneven, so that the persons do not change in step.
            end = start + seconds * float(rng.uniform(0.75, 1.25))
            line.append(Act(person, emotion, start, end, left[emotion].pop()))
            start, last = end, emotion
    return line


def film(path: Path, faces: FaceSet, line: list[Act]) -> None:
    """Write the scene as a video."""
    rng = np.random.default_rng(1)
    seconds = min(
        max(act.end for act in line if act.person == person)
        for person in range(len(_PLACES))
    )
    writer = cv2.VideoWriter(
        str(path),
        cv2.CAP_OPENCV_MJPEG,
        cv2.VideoWriter.fourcc(*"MJPG"),
        _RATE,
        (_WIDTH, _HEIGHT),
    )
    heads = {act: scene_of(faces.faces[act.face], _SIDE)[0] for act in line}
    for index in range(int(seconds * _RATE)):
        now = index / _RATE
        frame = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
        for act in line:
            if act.start <= now < act.end:
                _place(frame, heads[act], act.person, now)
        noisy = frame + rng.normal(0.0, _NOISE, frame.shape)
        writer.write(np.clip(noisy, 0, 255).astype(np.uint8))
    writer.release()


def _place(frame: Pixels, head: Pixels, person: int, now: float) -> None:
    """Put a head, swaying, into its half of the frame."""
    x, y = _PLACES[person]
    angle = 2 * np.pi * (now / _SWAY_SECONDS + 0.3 * person)
    shift = np.array(
        [
            [1.0, 0.0, x - _WIDTH / 2 + _SWAY_PIXELS * np.sin(angle)],
            [0.0, 1.0, y - _HEIGHT / 2 + _SWAY_PIXELS * np.cos(2 * angle) / 2],
        ]
    )
    moved = cv2.warpAffine(
        head, shift, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE
    )
    half = slice(0, _WIDTH // 2) if person == 0 else slice(_WIDTH // 2, _WIDTH)
    frame[:, half] = moved[:, half]


def watch(config: Config, annotated: Path) -> Seen:
    """Let the daemon's loop watch the video."""
    seen = Seen([], defaultdict(Counter))
    parts = assemble(config)
    camera = open_camera(config.camera, datetime(2024, 1, 1, tzinfo=UTC))
    with open_annotator(annotated) as annotator:

        def note(turn: Turn) -> None:
            annotator(turn)
            seen.events += turn.processed.events
            for face in turn.processed.faces:
                seen.person_of_track[face.track][_person(face.box)] += 1

        run(camera, parts.pipeline, [], threading.Event(), watches=[note])
    return seen


def _person(box: Box) -> int:
    return int(box.x + box.width / 2 >= _WIDTH / 2)


def score(line: list[Act], seen: Seen, begun: datetime) -> dict[str, Any]:
    """Hold the events against what was shown."""
    told: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for event in seen.events:
        if event.type is EventType.NEW:
            person = seen.person_of_track[event.track].most_common(1)[0][0]
            told[person].append(((event.at - begun).total_seconds(), event.emotion))
    delays, missed, false = [], [], []
    for act in line:
        within = [
            (at - act.start, emotion)
            for at, emotion in told[act.person]
            if act.start <= at < act.end
        ]
        right = [delay for delay, emotion in within if emotion == act.emotion]
        if right:
            delays.append(right[0])
        else:
            missed.append(f"{act.emotion}, told {[name for _, name in within]}")
        false += [name for _, name in within if name != act.emotion]
    tracks = [
        sum(1 for places in seen.person_of_track.values() if person in places)
        for person in range(len(_PLACES))
    ]
    return {
        "acts": len(line),
        "told_rightly": len(delays),
        "told_wrongly": len(false),
        "missed": missed,
        "delay_seconds": {
            "median": round(float(np.median(delays)), 2) if delays else None,
            "longest": round(max(delays), 2) if delays else None,
        },
        "tracks_of_each_person": tracks,
        "tracks_on_both": sum(
            1 for places in seen.person_of_track.values() if len(places) > 1
        ),
    }


@click.command()
@click.argument("bundle", default="")
@click.option("--data", type=_PATH, required=True, help="Zip or folder of faces.")
@click.option("--votes", type=_PATH, help="CSV of FER+ votes: take clear faces.")
@click.option("--yunet-model", default="", help="Find faces by YuNet, not by Haar.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--acts", type=click.IntRange(1, 100), default=10, help="Of a person.")
@click.option("--seconds", default=4.0, help="Of an act, on average.")
@click.option("--seed", default=0)
def main(
    bundle: str,
    data: Path,
    votes: Path | None,
    yunet_model: str,
    out: Path,
    acts: int,
    seconds: float,
    seed: int,
) -> None:
    """Film a scene, let the daemon watch it, and print how it did."""
    faces = FaceData(data).load("validation")
    clear = np.arange(len(faces))
    if votes is not None:
        own = read_votes(votes).shares(faces)[clear, faces.classes]
        clear = np.flatnonzero(own >= _CLEAR)
    line = plan(faces, clear.tolist(), acts, seconds, seed)
    out.mkdir(parents=True)
    film(out / "scene.avi", faces, line)
    config = Config()
    config = dataclasses.replace(
        config,
        camera=dataclasses.replace(config.camera, source=str(out / "scene.avi")),
        model=dataclasses.replace(config.model, bundle=bundle),
        faces=dataclasses.replace(config.faces, yunet_model=yunet_model),
    )
    seen = watch(config, out / "annotated.avi")
    figures = score(line, seen, datetime(2024, 1, 1, tzinfo=UTC))
    text = json.dumps(figures, indent=2)
    (out / "figures.json").write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
