"""``fer-convert``: the command of the build host."""

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
from fer_contract.manifest import check_name

_PATH = click.Path(path_type=Path, readable=False)  # the reader says it better


@click.command(name="fer-convert", context_settings={"show_default": True})
@click.argument("model", metavar="RUN", type=_PATH)
@click.option("--int8", is_flag=True, help="Quantize to 8 bits throughout.")
@click.option(
    "-o", "--out", "bundle", type=_PATH, required=True, help="Bundle directory to make."
)
@click.option(
    "--data",
    type=_PATH,
    required=True,
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
    "--calibration-faces", type=click.IntRange(1), default=200, help="To calibrate on."
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Repeats the choice.")
@click.option(
    "--name", help="What events call the model.  [default: its preset and digest]"
)
@click.option("--force", is_flag=True, help="Replace a bundle that is there.")
@click.option("--skip-unreadable", is_flag=True, help="Leave broken images out, named.")
@click.option("-v", "--verbose", is_flag=True, help="Print what happens inside.")
@click.version_option(__version__)
def cli(
    *,
    model: Path,
    int8: bool,
    bundle: Path,
    data: Path,
    max_accuracy_drop: float,
    min_agreement: float,
    calibration_faces: int,
    seed: int,
    name: str | None,
    force: bool,
    skip_unreadable: bool,
    verbose: bool,
) -> None:
    """Convert a trained RUN directory to a bundle for the device.

    Float and int8 are compared on the same validation faces. If the 95 % interval of
    what was lost reaches over a bound, no bundle is made and the exit code is 1.

    \b
    Example:
      fer-convert --int8 RUN -o BUNDLE --data Facial_emotion_images.zip
    """
    log_to_terminal(verbose=verbose)
    require_extra("convert", ["keras", "tensorflow", "ai_edge_litert", "cv2", "jinja2"])
    if not int8:
        raise click.UsageError("say what to make: --int8")
    if name is not None:
        check_name(name, "--name")
    from fer_converter.convert import Plan, convert
    from fer_converter.parity import Gates, Outcome

    plan = Plan(
        run=model,
        data=data,
        bundle=bundle,
        gates=Gates(max_accuracy_drop, min_agreement),
        calibration_faces=calibration_faces,
        seed=seed,
        name=name,
        force=force,
        skip_unreadable=skip_unreadable,
    )
    with naming(bundle):
        result = convert(plan, click.echo)
    parity = result.parity
    click.echo(
        f"accuracy {parity.float_right / parity.faces:.2%} float, "
        f"{parity.int8_right / parity.faces:.2%} int8 "
        f"in {result.model_bytes / 1000:,.0f} KB"
    )
    for verdict in result.verdicts:
        click.echo(f"{verdict.outcome:9} {verdict.gate}: {verdict.saw}")
    click.echo(f"report: {result.directory / 'report.html'}")
    if not result.passed:
        refusals = [
            f"{verdict.gate} {verdict.saw}"
            + (
                ": too few faces to decide"
                if verdict.outcome is Outcome.UNDECIDED
                else ""
            )
            for verdict in result.verdicts
            if verdict.outcome is not Outcome.PASSED
        ]
        raise RefusedError(f"{model}: refused, {'; '.join(refusals)}")
    click.echo(f"bundle: {result.directory}")


def main() -> None:
    """Run the command; the entry point."""
    run(cli)
