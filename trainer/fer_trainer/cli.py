"""``fer-train``: the command of the workstation."""

import json
import sys
from pathlib import Path

import click

from fer_contract import __version__
from fer_contract.command import FiniteRange, log_to_terminal, require_extra, run
from fer_contract.errors import DataError, naming
from fer_contract.labels import Labels, check_labels

_PATH = click.Path(path_type=Path, readable=False)  # opening it says it better
_SEED = click.IntRange(0, 2**32 - 1)  # what Keras takes


def _labels_option(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Labels | None:
    if value is None:
        return None
    return check_labels([name.strip() for name in value.split(",")], "--labels")


@click.group(name="fer-train", context_settings={"show_default": True})
@click.option("-v", "--verbose", is_flag=True, help="Print what happens inside.")
@click.version_option(__version__)
def cli(*, verbose: bool) -> None:
    """Train compact emotion networks on labelled faces."""
    log_to_terminal(verbose=verbose)
    # Asked of every command: half a trainer on a device helps no one.
    require_extra("train", ["keras", "cv2", "matplotlib"])


@cli.command("run")
@click.option(
    "--data",
    type=_PATH,
    required=True,
    help="Zip or folder: {train,validation,test}/<label>/*.jpg",
)
@click.option("--preset", "preset_name", default="compact", help="Network to train.")
@click.option("--out", type=_PATH, required=True, help="Run directory to make.")
@click.option("--epochs", type=click.IntRange(1), help="[default: the preset's]")
@click.option("--batch-size", type=click.IntRange(1), help="[default: the preset's]")
@click.option(
    "--learning-rate",
    type=FiniteRange(0, 1, min_open=True),
    help="At the start, before it falls to 0.  [default: the preset's]",
)
@click.option("--seed", type=_SEED, default=0, help="Repeats a run.")
@click.option(
    "--labels",
    callback=_labels_option,
    help="Their order, with commas.  [default: the folders, alphabetically]",
)
@click.option("--skip-unreadable", is_flag=True, help="Leave broken images out, named.")
def run_command(
    *,
    data: Path,
    preset_name: str,
    out: Path,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int,
    labels: Labels | None,
    skip_unreadable: bool,
) -> None:
    """Train a network and leave a run directory for fer-convert.

    \b
    Example:
      fer-train run --data Facial_emotion_images.zip --preset compact --out RUN
    """
    from fer_contract.dataset import FaceData
    from fer_trainer.presets import find_preset
    from fer_trainer.train import Plan, train

    preset = find_preset(preset_name)
    faces = FaceData(data, labels, skip_unreadable=skip_unreadable)
    plan = Plan(
        preset,
        epochs=epochs or preset.epochs,
        batch_size=batch_size or preset.batch_size,
        learning_rate=learning_rate or preset.learning_rate,
        seed=seed,
    )
    click.echo(f"{data}: labels {', '.join(faces.labels)}; training {preset.name}")
    with naming(out):
        # No standard output at all, if whoever started us closed it.
        live_bar = sys.stdout is not None and sys.stdout.isatty()
        manifest = train(faces, out, plan, live_bar=live_bar)
    measured = manifest.training["validation"]
    low, high = measured["accuracy_95"]
    click.echo(
        f"validation accuracy {measured['accuracy']:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}, {measured['faces']:,} faces)"
    )
    click.echo(f"run: {out}")


@cli.command("presets")
def presets_command() -> None:
    """List the networks that can be trained."""
    from fer_contract.preprocess import InputSpec
    from fer_trainer.backend import start_keras
    from fer_trainer.presets import PRESETS

    start_keras()
    for preset in PRESETS.values():
        parameters = preset.build(InputSpec(), 4).count_params()
        click.echo(f"{preset.name:10} {parameters:>10,}  {preset.summary}")


@cli.command("synth")
@click.option("--out", type=_PATH, required=True, help="Folder to draw into.")
@click.option(
    "--faces-per-class",
    type=click.IntRange(1),
    default=600,
    help="In train; validation gets two thirds of it, test a twelfth.",
)
@click.option(
    "--video",
    type=_PATH,
    help="Also draw a scene, .avi; its time line goes beside it, .json.",
)
@click.option("--seconds", type=FiniteRange(4, 3600), default=20, help="Of the video.")
@click.option("--seed", type=_SEED, default=0, help="Repeats a drawing.")
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
            raise DataError(f"--video: {path} is already there; name a new file")


def main() -> None:
    """Run the command; the entry point."""
    run(cli)
