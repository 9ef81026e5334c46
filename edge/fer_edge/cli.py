"""``fer-edge``: the command of the device."""

import dataclasses
import json
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_contract import __version__
from fer_contract.command import log_to_terminal, require_extra, run
from fer_contract.completion import complete_files
from fer_contract.errors import naming
from fer_edge.doctor.commands import doctor_command
from fer_edge.law.commands import notice_command
from fer_edge.models.commands import models_group
from fer_edge.service.commands import service_group

if TYPE_CHECKING:
    from fer_edge.cameras import Camera
    from fer_edge.config import Config

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
    """Report the emotions of the faces in front of a camera.

    \b
    Examples:
      fer-edge replay party.mp4
      fer-edge run --config /etc/fer-edge/fer-edge.toml

    For the completion of commands, options and names, put this into ~/.bashrc:

    \b
      eval "$(_FER_EDGE_COMPLETE=bash_source fer-edge)"
    """
    log_to_terminal(verbose=verbose)
    require_extra("edge", ["cv2"])


@cli.command("run")
@click.option("--config", type=_PATH, required=True, help="The daemon's configuration.")
def run_command(*, config: Path) -> None:
    """Run the daemon: events as JSON lines on standard output until SIGTERM.

    \b
    Example:
      fer-edge run --config /etc/fer-edge/fer-edge.toml
    """
    from fer_edge.live import serve

    serve(config)


_BUNDLE = click.option(
    "--bundle",
    shell_complete=complete_files,
    help="Directory that fer-convert made.  [default: the released model]",
)
_CONFIG = click.option("--config", type=_PATH, help="Take all else from here.")
_YUNET = click.option(
    "--yunet-model",
    shell_complete=complete_files,
    help="Find faces with this YuNet model.",
)


@cli.command("replay")
@click.argument("source", shell_complete=complete_files)
@_BUNDLE
@_CONFIG
@_YUNET
@click.option(
    "--annotate",
    type=_PATH,
    help="Write it with boxes and scores: a video (.avi) or a folder of pictures.",
)
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
    annotate: Path | None,
    start_time: datetime | None,
) -> None:
    """Run the daemon on a recording, as fast as possible.

    SOURCE is a video, a picture or a folder of pictures.

    \b
    Example:
      fer-edge replay party.mp4 --annotate seen.avi
    """
    from fer_edge.cameras.source import Recording, parse_source
    from fer_edge.errors import CameraError
    from fer_edge.start import replay

    # What a live camera sees is written nowhere, and its time is now.
    if not isinstance(seen := parse_source(source), Recording):
        raise CameraError(f"{seen}: live, not a recording; fer-edge run reads it")
    settings = _settings(source, bundle, config, yunet_model)
    begun = start_time.replace(tzinfo=UTC) if start_time else datetime.now(UTC)
    replay(settings, begun, annotate)


@cli.command("bench")
@click.argument("source", required=False, shell_complete=complete_files)
@_BUNDLE
@_CONFIG
@_YUNET
@click.option(
    "--frames", type=click.IntRange(20, 10_000_000), default=500, help="To process."
)
@click.option(
    "--compare",
    multiple=True,
    shell_complete=complete_files,
    help="Time one face with this bundle too; may be given again.",
)
@click.option(
    "-o",
    "--out",
    "json_path",
    type=_PATH,
    help="Also write all figures here, as JSON.",
)
def bench_command(
    *,
    source: str | None,
    bundle: str | None,
    config: Path | None,
    yunet_model: str | None,
    frames: int,
    compare: tuple[str, ...],
    json_path: Path | None,
) -> None:
    """Measure how fast this machine is, stage by stage.

    SOURCE is a camera, or a video, a picture or a folder, repeated as often as needed;
    without it, a drawn scene of 640x480 with one face, 30 frames a second.

    \b
    Example:
      fer-edge bench party.mp4 --frames 2000 --out figures.json
    """
    from fer_edge.bench import (
        as_table,
        await_edgetpu,
        bench,
        compare_models,
        models_as_table,
    )
    from fer_edge.cameras.drawn import Drawn
    from fer_edge.cameras.opening import open_camera
    from fer_edge.cameras.source import Recording, parse_source
    from fer_edge.classifiers import make_classifier
    from fer_edge.start import assemble

    if json_path is not None:
        json_path.open("a").close()  # said before the measurement, if it cannot be
    settings = _settings(source or str(Drawn.PATH), bundle, config, yunet_model)
    camera = dataclasses.replace(settings.camera, pace="fast")
    live = source is not None and not isinstance(parse_source(source), Recording)
    figures: dict[str, Any] = {
        "source": str(parse_source(source)) if source else Drawn.PATH.name
    }
    begun = datetime.now(UTC)

    def open_again() -> "Camera":
        return open_camera(camera, begun) if source else Drawn()

    with ExitStack() as stack:
        parts = stack.enter_context(closing(assemble(settings)))
        await_edgetpu(parts.classifier)
        figures["parts"] = str(parts)
        click.echo(parts)
        figures |= bench(open_again, parts.pipeline, frames, live=live)
        click.echo("\n".join(as_table(figures)))
        models = [parts.classifier]
        for name in compare:
            other = dataclasses.replace(settings.model, bundle=name)
            models.append(stack.enter_context(closing(make_classifier(other))))
            await_edgetpu(models[-1])
        if compare:
            figures["models"] = compare_models(models, rounds=1000)
            click.echo("\n".join(models_as_table(figures["models"])))
    if json_path is not None:
        with naming(json_path):
            json_path.write_text(json.dumps(figures, indent=2) + "\n")


def _settings(
    source: str, bundle: str | None, config: Path | None, yunet_model: str | None
) -> "Config":
    """Let the command line replace what a configuration says."""
    from fer_edge.cameras.source import Recording, parse_source
    from fer_edge.config import Config, load_config

    settings = load_config(config) if config else Config()
    replace = dataclasses.replace
    camera = replace(settings.camera, source=source)
    if isinstance(parse_source(source), Recording):
        # It has its own size and rate, whatever the camera is asked for.
        camera = replace(camera, width=0, height=0, frames_per_second=0.0)
    settings = replace(settings, camera=camera)
    if bundle:
        settings = replace(settings, model=replace(settings.model, bundle=bundle))
    if yunet_model:
        faces = replace(settings.faces, yunet_model=yunet_model)
        settings = replace(settings, faces=faces)
    return settings


@cli.command("check")
@click.argument("config", type=_PATH)
def check_command(*, config: Path) -> None:
    """Check CONFIG, a configuration file; says every mistake in it.

    \b
    Example:
      fer-edge check /etc/fer-edge/fer-edge.toml
    """
    from fer_edge.config import check_config

    check_config(config)
    click.echo(f"{config}: good")


cli.add_command(doctor_command)
cli.add_command(models_group)
cli.add_command(notice_command)
cli.add_command(service_group)


@cli.command("schema")
@click.argument("of", type=click.Choice(["events", "configuration"]), default="events")
def schema_command(*, of: str) -> None:
    """Print a JSON Schema: OF the events, or of the configuration, for editors.

    \b
    Examples:
      fer-edge schema | jq .properties
      fer-edge schema configuration > fer-edge.schema.json
    """
    if of == "configuration":
        from fer_edge.config_schema import config_schema

        schema = config_schema()
    else:
        from fer_edge.events import event_schema

        schema = event_schema()
    click.echo(json.dumps(schema, indent=2))


def main() -> None:
    """Run the command; the entry point."""
    run(cli)
