"""``fer-edge service``."""

import functools
import json
import os
import secrets
import sys
from pathlib import Path

import click

from fer_edge.credentials import HTTP_TOKEN, SECRETS

_RANDOM_BYTES = 24

_ROOT = click.Path(path_type=Path, file_okay=False, exists=True)


@click.group("service")
def service_group() -> None:
    """Put the daemon on this machine as a systemd service, or take it off.

    \b
    Examples:
      sudo fer-edge service install --now
      sudo fer-edge service secret mqtt-password
      sudo fer-edge service uninstall
    """


@service_group.command("install")
@click.option("--now", is_flag=True, help="Start it at once, too.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--root", type=_ROOT, default="/", help="Of an image to install into.")
def install_command(*, now: bool, dry_run: bool, root: Path) -> None:
    """Install the service; it starts with the machine from then on.

    What is there already stays: the configuration always, the rest if it is the same.

    \b
    Examples:
      fer-edge service install --dry-run
      sudo fer-edge service install
      sudo fer-edge service install --now
    """
    from fer_contract.command import complain
    from fer_edge.config import check_config
    from fer_edge.errors import ConfigurationError
    from fer_edge.service.carrying_out import carry_out
    from fer_edge.service.pairing import picamera_complaint
    from fer_edge.service.plan import RESTART, installation
    from fer_edge.service.units import CONFIG, command_complaint, own_command

    command = own_command()
    if complaint := picamera_complaint():
        complain(f"warning: {complaint}")
    steps = installation(command)
    if dry_run:
        for step in [*steps, *([RESTART] if now else [])]:
            click.echo(f"would {step}")
    package = Path(__file__).resolve().parents[1]
    if complaint := command_complaint(command, package):
        raise ConfigurationError(complaint)
    if dry_run:
        return
    _need_root(root, "install")
    root = root.resolve()
    carry_out(steps, root, click.echo)
    config = root / CONFIG.relative_to("/")
    if now:
        # Not started before there is something to start.
        check_config(config)
        carry_out([RESTART], root, click.echo)
        return
    click.echo(f"next: fill in {config}")
    if root == Path("/"):
        # Others than root may not read it.
        check = f"sudo {command} check {config}"
        click.echo(f"then: {check} && sudo systemctl restart fer-edge")


@service_group.command("secret")
@click.argument("name", type=click.Choice(list(SECRETS)))
@click.option("--random", is_flag=True, help="Draw one, and print it.")
@click.option("--root", type=_ROOT, default="/", help="Of an image to put it into.")
def secret_command(*, name: str, random: bool, root: Path) -> None:
    """Give the service a secret: asks for it, or reads a line of standard input.

    NAME is mqtt-password, that of mqtt.user at the broker, or http-token, which the
    page asks for. Only root may read them, in /etc/credstore.

    \b
    Examples:
      sudo fer-edge service secret mqtt-password
      sudo fer-edge service secret http-token --random
    """
    from fer_edge.credentials import checked_secret
    from fer_edge.service.carrying_out import carry_out
    from fer_edge.service.plan import storing
    from fer_edge.web import check_token

    _need_root(root, f"secret {name}")
    if random:
        drawn = secrets.token_hex(_RANDOM_BYTES)
        click.echo(drawn)
        given = drawn.encode()
    elif sys.stdin.isatty():
        given = click.prompt(name, hide_input=True).encode(errors="surrogateescape")
    else:
        given = sys.stdin.buffer.readline()
    secret = checked_secret(given, name)
    if name == HTTP_TOKEN:
        check_token(secret, name)
    # Not beside a drawn one: a script takes that from standard output.
    say = functools.partial(click.echo, err=random)
    carry_out([storing(name, secret)], root.resolve(), say)
    if root == Path("/"):
        say("next: sudo systemctl restart fer-edge")


@service_group.command("uninstall")
@click.option(
    "--purge",
    is_flag=True,
    help="Configuration, secrets, models and waiting events, too.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--root", type=_ROOT, default="/", help="Take it out of this image.")
def uninstall_command(*, purge: bool, dry_run: bool, root: Path) -> None:
    """Stop the service and remove it; configuration and data stay.

    \b
    Example:
      sudo fer-edge service uninstall
    """
    from fer_edge.service.carrying_out import carry_out
    from fer_edge.service.plan import removal
    from fer_edge.service.units import CONFIG
    from fer_edge.state import SYSTEM

    steps = removal(purge=purge)
    if dry_run:
        for step in steps:
            click.echo(f"would {step}")
        return
    _need_root(root, "uninstall")
    carry_out(steps, root.resolve(), click.echo)
    if not purge:
        click.echo(f"kept {CONFIG.parent} and {SYSTEM}")


@service_group.command("status")
@click.argument("unit", default="fer-edge")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status_command(*, unit: str, as_json: bool) -> None:
    """Tell how the service is; ends with 1 where it is not running.

    UNIT is fer-edge, or fer-edge@door for the camera of /etc/fer-edge/door.toml.

    \b
    Examples:
      fer-edge service status
      fer-edge service status --json | jq .restarts
    """
    from fer_edge.service import state

    unit = unit if unit.endswith(".service") else f"{unit}.service"
    found = state.ask(unit)
    well = state.is_well(found)
    words = "" if well else state.last_words(found)
    if as_json:
        click.echo(json.dumps(state.as_json(found, unit, words), indent=2))
    else:
        click.echo("\n".join(state.described(found, unit, words)))
    if not well:
        raise click.exceptions.Exit(1)


def _need_root(root: Path, verb: str) -> None:
    from fer_edge.errors import ConfigurationError

    if root != Path("/"):
        return
    if os.geteuid() != 0:
        raise ConfigurationError(f"needs root: sudo fer-edge service {verb}")
    if not Path("/run/systemd/system").is_dir():
        raise ConfigurationError(
            "/run/systemd/system: missing; this machine was not started by systemd "
            "(--root DIR installs into an image)"
        )
