"""``fer-convert``: the command of the build host."""

import json
from pathlib import Path

import click

from fer_contract import __version__
from fer_contract.command import (
    FiniteRange,
    log_to_terminal,
    require_extra,
    run,
)
from fer_contract.errors import RefusedError, naming
from fer_contract.labels import parse_labels
from fer_contract.manifest import check_name
from fer_converter.rounding import Rounding
from fer_converter.sources import PixelRange

_PATH = click.Path(path_type=Path, readable=False)  # the reader says it better


@click.command(name="fer-convert", context_settings={"show_default": True})
@click.argument("model", metavar="MODEL", type=_PATH)
@click.option("--int8", is_flag=True, help="Quantize to 8 bits throughout: the bundle.")
@click.option("--float32", is_flag=True, help="Also make it unquantized, to compare.")
@click.option("--float16", is_flag=True, help="Also make it with weights of 16 bits.")
@click.option("--dynamic", is_flag=True, help="Also make it with weights of 8 bits.")
@click.option("--edgetpu", is_flag=True, help="All of it must run on an Edge TPU.")
@click.option("-o", "--out", "bundle", type=_PATH, help="Bundle directory to make.")
@click.option(
    "--data",
    type=_PATH,
    help="Zip or folder; its validation split calibrates and judges.",
)
@click.option(
    "--max-accuracy-drop",
    type=FiniteRange(0, 100),
    default=1.0,
    help="Percentage points of accuracy, float minus int8.",
)
@click.option(
    "--min-agreement",
    type=FiniteRange(0, 1),
    default=0.97,
    help="Share of faces on which float and int8 name the same class.",
)
@click.option(
    "--calibration-faces",
    type=click.IntRange(1),
    default=200,
    help="To calibrate on; at most half of any class is taken.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Repeats the choice.")
@click.option(
    "--rounding",
    type=click.Choice([way.value for way in Rounding]),
    default=Rounding.COMPENSATED.value,
    help="Of weights: so that a layer's outputs stay, or each as TFLite does.",
)
@click.option(
    "--threshold",
    type=FiniteRange(0, 1),
    default=0.5,
    help="The device calls scores below it uncertain; the report has the curve.",
)
@click.option(
    "--name", help="What events call the model.  [default: its network and digest]"
)
@click.option(
    "--labels",
    help="Without a run: classes in the order of the outputs, with commas.",
)
@click.option(
    "--pixels",
    type=click.Choice([kind.value for kind in PixelRange]),
    help="Without a run: what the model wants its pixels as.  [default: 0..255, unless "
    "the faces say otherwise]",
)
@click.option(
    "--margin",
    type=FiniteRange(0, 1),
    help="Without a run: round the face, as a share of its side.  [default: 0]",
)
@click.option(
    "--compiler-seconds",
    type=click.IntRange(1, 86_400),
    default=180,
    help="That the Edge TPU compiler may take.",
)
@click.option(
    "--timing/--no-timing",
    default=True,
    help="Measure latency, in which no two runs are alike, byte for byte.",
)
@click.option(
    "--pictures/--no-pictures",
    default=True,
    help="Show the faces whose answer changed; without, the report may be published.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--force", is_flag=True, help="Replace a bundle that is there.")
@click.option("--skip-unreadable", is_flag=True, help="Leave broken images out, named.")
@click.option("-v", "--verbose", is_flag=True, help="Print what happens inside.")
@click.version_option(__version__)
def cli(
    *,
    model: Path,
    int8: bool,
    float32: bool,
    float16: bool,
    dynamic: bool,
    edgetpu: bool,
    bundle: Path | None,
    data: Path | None,
    max_accuracy_drop: float,
    min_agreement: float,
    calibration_faces: int,
    seed: int,
    rounding: str,
    threshold: float,
    name: str | None,
    labels: str | None,
    pixels: str | None,
    margin: float | None,
    compiler_seconds: int,
    timing: bool,
    pictures: bool,
    as_json: bool,
    force: bool,
    skip_unreadable: bool,
    verbose: bool,
) -> None:
    """Convert a trained MODEL to a bundle for the device.

    MODEL is a run directory of fer-train, a .keras file or a SavedModel. Float and
    int8 are compared on the same validation faces. If the 95 % interval of what was
    lost reaches over a bound, no bundle is made and the exit code is 1.

    A .tflite file is only looked at: what is in it, and what an Edge TPU would run.

    \b
    Examples:
      fer-convert --int8 RUN -o BUNDLE --data Facial_emotion_images.zip
      fer-convert --int8 --float32 --float16 --dynamic RUN -o BUNDLE --data FACES
      fer-convert --int8 --edgetpu RUN -o BUNDLE --data FACES
      fer-convert --int8 own.keras --labels calm,happy,angry --pixels 0..1 …
      fer-convert model.tflite

    For the completion of options, put this into ~/.bashrc:

    \b
      eval "$(_FER_CONVERT_COMPLETE=bash_source fer-convert)"
    """
    log_to_terminal(verbose=verbose)
    require_extra("convert", ["keras", "tensorflow", "ai_edge_litert", "cv2", "jinja2"])
    if model.suffix == ".tflite":
        made = int8 or float32 or float16 or dynamic
        if made or bundle is not None or data is not None:
            raise click.UsageError(f"{model}: a .tflite file is only looked at")
        _inspect(model, edgetpu=edgetpu, as_json=as_json)
        return
    if not int8:
        raise click.UsageError("say what to make: --int8")
    if bundle is None:
        raise click.UsageError("Missing option '-o' / '--out'.")
    if data is None:
        raise click.UsageError("Missing option '--data'.")
    if name is not None:
        check_name(name, "--name")
    from fer_converter.convert import Plan, Result, convert
    from fer_converter.gates import Gates
    from fer_converter.quantize import Kind
    from fer_converter.sources import Asked
    from fer_converter.summary import print_summary, refusal

    plan = Plan(
        model=model,
        asked=Asked(
            labels=parse_labels(labels, "--labels") if labels else None,
            pixel_range=PixelRange(pixels) if pixels else None,
            margin=margin,
        ),
        data=data,
        bundle=bundle,
        compared=tuple(
            kind
            for kind, wanted in (
                (Kind.FLOAT32, float32),
                (Kind.FLOAT16, float16),
                (Kind.DYNAMIC, dynamic),
            )
            if wanted
        ),
        gates=Gates(max_accuracy_drop, min_agreement),
        calibration_faces=calibration_faces,
        seed=seed,
        rounding=Rounding(rounding),
        threshold=threshold,
        name=name,
        edgetpu=edgetpu,
        compiler_seconds=compiler_seconds,
        timing=timing,
        pictures=pictures,
        force=force,
        skip_unreadable=skip_unreadable,
    )
    with naming(bundle):
        result: Result = convert(plan, lambda line: click.echo(line, err=as_json))
    if as_json:
        click.echo(json.dumps(result.report.facts(), indent=2))
    else:
        print_summary(result.report, result.directory, click.echo)
    if not result.report.passed:
        raise RefusedError(refusal(model, result.report))


def _inspect(path: Path, *, edgetpu: bool, as_json: bool) -> None:
    from fer_converter.inspection import inspect, print_inspection

    found = inspect(path)
    if as_json:
        click.echo(json.dumps(found.facts(), indent=2))
    else:
        print_inspection(found, click.echo)
    broken = [rule for rule in found.edgetpu.rules if not rule.passed]
    if edgetpu and broken:
        raise RefusedError(
            f"{path}: not for the Edge TPU, "
            + "; ".join(f"{rule.gate}: {rule.saw}" for rule in broken)
        )


def main() -> None:
    """Run the command; the entry point."""
    run(cli)
