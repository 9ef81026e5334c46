"""``fer-edge``: the command of the device."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import click

from fer_contract import __version__
from fer_contract.command import log_to_terminal, require_extra, run

_PATH = click.Path(path_type=Path, readable=False)  # load_config says it better


# Python's years end with 9999, and a recording adds its length to its start.
_LAST_START_YEAR = 9000


def _check_start(
    _context: click.Context, _option: click.Parameter, start: datetime | None
) -> datetime | None:
    if start is not None and start.year > _LAST_START_YEAR:
        raise click.BadParameter(f"the year is after {_LAST_START_YEAR}")
    return start


@click.group(name="fer-edge", context_settings={"show_default": True})
@click.option("-v", "--verbose", is_flag=True, help="Print what happens inside.")
@click.version_option(__version__)
def cli(*, verbose: bool) -> None:
    """Report the emotions of the faces in front of a camera."""
    log_to_terminal(verbose=verbose)
    require_extra("edge", ["cv2"])


@cli.command("run")
@click.option("--config", type=_PATH, required=True, help="fer-edge.toml")
def run_command(*, config: Path) -> None:
    """Run the daemon: events as JSON lines on standard output until SIGTERM.

    \b
    Example:
      fer-edge run --config /etc/fer-edge/fer-edge.toml
    """
    from fer_edge.config import load_config
    from fer_edge.start import start

    start(load_config(config), datetime.now(UTC))


@cli.command("replay")
@click.argument("source")
@click.option(
    "--bundle",
    help="Directory that fer-convert made.  [default: the released model]",
)
@click.option("--config", type=_PATH, help="Take all else from here.")
@click.option("--yunet-model", help="Find faces with this YuNet model, not with Haar.")
@click.option(
    "--start",
    "start_time",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
    callback=_check_start,
    help="Time of the first frame, UTC.  [default: now]",
)
def replay_command(
    *,
    source: str,
    bundle: str | None,
    config: Path | None,
    yunet_model: str | None,
    start_time: datetime | None,
) -> None:
    """Run the daemon on a video, a picture or a folder, as fast as possible.

    \b
    Example:
      fer-edge replay party.mp4
    """
    from fer_edge.config import Config, load_config
    from fer_edge.start import start

    settings = load_config(config) if config else Config()
    replace = dataclasses.replace
    # A recording has its own size and rate, whatever the camera is asked for.
    own = {"width": 0, "height": 0, "frames_per_second": 0.0}
    camera = replace(settings.camera, source=source, **own)
    settings = replace(settings, camera=camera)
    if bundle:
        settings = replace(settings, model=replace(settings.model, bundle=bundle))
    if yunet_model:
        faces = replace(settings.faces, yunet_model=yunet_model)
        settings = replace(settings, faces=faces)
    begun = start_time.replace(tzinfo=UTC) if start_time else datetime.now(UTC)
    start(settings, begun)


@cli.command("check")
@click.argument("config", type=_PATH)
def check_command(*, config: Path) -> None:
    """Check a configuration file; says every mistake in it.

    \b
    Example:
      fer-edge check /etc/fer-edge/fer-edge.toml
    """
    from fer_edge.config import check_config

    check_config(config)
    click.echo(f"{config}: good")


@cli.group("models")
def models_group() -> None:
    """Find models."""


@models_group.command("path")
def models_path_command() -> None:
    """Print where the released model lies, once it has passed its self-test.

    Beside it lie its card, MODEL_CARD.md, and its reports.

    \b
    Example:
      cat "$(fer-edge models path)/MODEL_CARD.md"
    """
    from fer_edge.classifier import CpuClassifier
    from fer_edge.models import RELEASED

    CpuClassifier(RELEASED)
    click.echo(RELEASED)


@cli.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the events."""
    from fer_edge.events import event_schema

    click.echo(json.dumps(event_schema(), indent=2))


def main() -> None:
    """Run the command; the entry point."""
    run(cli)
