"""``fer-edge doctor``: a line a check, and an exit code."""

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_contract import __version__
from fer_contract.command import FiniteRange
from fer_contract.errors import RefusedError
from fer_edge.service.units import CONFIG

if TYPE_CHECKING:
    from fer_edge.doctor.asking import World
    from fer_edge.doctor.checks import Case, Check, Finding
    from fer_edge.doctor.unit import Unit

_PATH = click.Path(path_type=Path, readable=False)  # examine says it better
_SCHEMA = 1
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red", "skipped": "bright_black"}


@click.command("doctor")
@click.option(
    "--config", type=_PATH, help=f"fer-edge.toml  [default: {CONFIG}, if there]"
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--list", "only_list", is_flag=True, help="Name the checks, do none.")
@click.option(
    "--seconds",
    type=FiniteRange(0.1, 3600.0),
    help="For each check at most.  [default: each its own, up to 120]",
)
def doctor_command(
    *, config: Path | None, as_json: bool, only_list: bool, seconds: float | None
) -> None:
    """Find out what keeps this device from its work, and what mends it.

    By sudo it looks with the rights of the service's user. Exit code 0 is all well,
    perhaps with notes; 1 something is wrong; 2 the configuration cannot be read.

    \b
    Examples:
      sudo fer-edge doctor
      fer-edge doctor --config fer-edge.toml --json | jq '.findings[] | .mend'
    """
    from fer_edge.doctor.asking import World
    from fer_edge.doctor.checks import Verdict
    from fer_edge.doctor.order import CHECKS, counted, look
    from fer_edge.doctor.unit import read_unit, rights_of
    from fer_edge.state import state_directory

    if only_list:
        for check in CHECKS:
            click.echo(f"{check.name:13} {check.about}")
        return
    world = World()
    unit = read_unit(world)
    _share_environment(world, unit)
    case = _case(config, world, unit)
    try:
        rights = rights_of(unit, state_directory())
    except KeyError as unknown:
        raise RefusedError(f"the unit: {unknown.args[0]}; see User= in it") from unknown
    found: list[tuple[Check, Finding]] = []
    for check, finding in look(case, rights, seconds=seconds):
        found.append((check, finding))
        if not as_json:
            click.echo(_line(check.name, finding))
    findings = [finding for _, finding in found]
    if as_json:
        click.echo(json.dumps(_document(case, found), indent=2))
    else:
        click.echo(counted(findings))
    if any(finding.verdict is Verdict.WRONG for finding in findings):
        raise click.exceptions.Exit(RefusedError.exit_code)


def _case(config: Path | None, world: "World", unit: "Unit") -> "Case":
    """Read the configuration.

    Raises:
        ConfigurationError: no such file, no permission, or not TOML.
    """
    from fer_edge.config import examine
    from fer_edge.doctor.checks import Case

    if config is None:
        if not CONFIG.exists():
            return Case(world, unit)
        config = CONFIG
    settings, mistakes = examine(config)
    lines = tuple(mistake.of(config) for mistake in mistakes)
    return Case(world, unit, settings, config.absolute(), lines)


def _share_environment(world: "World", unit: "Unit") -> None:
    """Have this process, and those it starts, find what the service is given."""
    from fer_edge.service.units import SERVICE

    if unit.state_folder is not None:
        os.environ.setdefault("STATE_DIRECTORY", str(unit.state_folder))
    # There while the service runs, for its user and root.
    credentials = world.path(f"/run/credentials/{SERVICE}")
    if os.access(credentials, os.R_OK | os.X_OK):
        os.environ.setdefault("CREDENTIALS_DIRECTORY", str(credentials))
    elif not unit.sources:
        _share_stored(world, unit)


def _share_stored(world: "World", unit: "Unit") -> None:
    """Have those that this process starts find what the service will be given.

    They have its user's rights, and root alone may read the store.
    """
    from fer_edge.credentials import SECRETS, STORE, read_secret, stored_name
    from fer_edge.errors import ConfigurationError

    for name, variable in SECRETS.items():
        path = world.path(str(STORE / stored_name(name)))
        if name not in unit.secrets or not os.access(path, os.R_OK):
            continue
        # One that is no secret is told of by the service, when it is started.
        with contextlib.suppress(ConfigurationError):
            os.environ.setdefault(variable, read_secret(str(path), "", "") or "")


def _line(name: str, finding: "Finding") -> str:
    verdict = click.style(f"{finding.verdict:7}", fg=_COLOURS[finding.verdict])
    mend = f" -> {finding.mend}" if finding.mend else ""
    return f"{verdict}  {name:13}  {finding.says}{mend}"


def _document(case: "Case", found: "list[tuple[Check, Finding]]") -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "version": __version__,
        "config": str(case.path) if case.path else None,
        "well": all(finding.verdict != "wrong" for _, finding in found),
        "findings": [
            {
                "check": check.name,
                "verdict": finding.verdict,
                "says": finding.says,
                "mend": finding.mend,
            }
            for check, finding in found
        ],
    }
