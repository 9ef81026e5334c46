"""``fer-train synth``: draw the data set that needs no download."""

import json
from pathlib import Path

import click

from fer_contract.command import FiniteRange
from fer_contract.errors import DataError, naming
from fer_trainer.commands.options import PATH, SEED


@click.command("synth")
@click.option("-o", "--out", type=PATH, required=True, help="Folder to draw into.")
@click.option(
    "--faces-per-class",
    type=click.IntRange(1),
    default=600,
    help="In train; validation gets two thirds of it, test a twelfth.",
)
@click.option(
    "--video",
    type=PATH,
    help="Also draw a scene, .avi; its time line goes beside it, .json.",
)
@click.option("--seconds", type=FiniteRange(4, 3600), default=20, help="Of the video.")
@click.option("--seed", type=SEED, default=0, help="Repeats a drawing.")
def synth_command(
    *,
    out: Path,
    faces_per_class: int,
    video: Path | None,
    seconds: float,
    seed: int,
) -> None:
    """Draw expressive faces, the data set that needs no download.

    \b
    Example:
      fer-train synth --out faces --video scene.avi
    """
    from fer_trainer.synthetic import (
        EMOTIONS,
        FACES_PER_CLASS,
        Video,
        draw_video,
        write_data_set,
    )

    if video is not None:
        _check_video(video)
    share = faces_per_class / FACES_PER_CLASS["train"]
    counts = {
        split: max(2, round(share * count)) for split, count in FACES_PER_CLASS.items()
    }
    total = sum(counts.values()) * len(EMOTIONS)
    bar = click.progressbar(length=total, label=f"drawing {total:,} faces")
    with naming(out), bar:
        write_data_set(out, counts, seed, progress=lambda *_: bar.update(1))
    click.echo(f"faces: {out}")
    if video is None:
        return
    acts = draw_video(video, Video(seed=seed, seconds=seconds))
    time_line = _time_line(video)
    text = json.dumps([act._asdict() for act in acts], indent=2) + "\n"
    with naming(time_line):
        time_line.write_text(text)
    click.echo(f"video: {video}, its time line: {time_line}")


def _time_line(video: Path) -> Path:
    return video.with_suffix(".json")


def _check_video(video: Path) -> None:
    """Find a mistaken ``--video`` before minutes of drawing, not after."""
    if video.suffix != ".avi":
        raise DataError(f"--video: {video}; a name that ends in .avi is wanted")
    if not video.parent.is_dir():
        raise DataError(f"--video: {video.parent} is no folder; make it first")
    for path in (video, _time_line(video)):
        if path.exists():
            raise DataError(f"--video: {path}; already there, name a new file")
