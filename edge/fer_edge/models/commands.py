"""``fer-edge models``: install models, switch between them, fetch the detector's."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fer_contract.completion import complete_files, complete_words
from fer_edge.models import KEPT

if TYPE_CHECKING:
    from fer_edge.models.signature import PublicKey
    from fer_edge.models.store import Store

_PATH = click.Path(path_type=Path, readable=False)
_SYSTEM_CONFIG = Path("/etc/fer-edge/fer-edge.toml")

_CONFIG = click.option(
    "--config",
    type=_PATH,
    help=f"Take model.public_key from here.  [default: {_SYSTEM_CONFIG}, if there]",
)
_AGAIN = click.option("--again", is_flag=True, help="Also one that has failed here.")


def _installed() -> list[str]:
    from fer_edge.models.store import RELEASED_NAME

    return [*_store().names(), RELEASED_NAME]


_NAMES = complete_words(_installed)


def _check_sha256(
    _context: click.Context, _option: click.Parameter, digest: str
) -> str:
    if digest and not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise click.BadParameter(f"{digest!r} is no SHA-256; 64 hexadecimal digits are")
    return digest.lower()


@click.group("models")
def models_group() -> None:
    """Install models, switch between them, fetch the detector's.

    \b
    Examples:
      fer-edge models list
      sudo fer-edge models install model.zip --use
      sudo fer-edge models rollback
    """


@models_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(*, as_json: bool) -> None:
    """Show which models are here, and which one is active.

    \b
    Example:
      fer-edge models list
    """
    from fer_edge.models import listing

    models = listing.rows(_store())
    if as_json:
        click.echo(json.dumps(listing.as_json(models), indent=2))
    else:
        click.echo("\n".join(listing.as_table(models)))


@models_group.command("path")
@click.argument("name", required=False, shell_complete=_NAMES)
def path_command(*, name: str | None) -> None:
    """Print where the active model lies, or NAME, once it has passed its self-test.

    Beside the released one lie its card, MODEL_CARD.md, and its reports.

    \b
    Example:
      cat "$(fer-edge models path released)/MODEL_CARD.md"
    """
    from fer_edge.models import RELEASED
    from fer_edge.models.examining import self_test
    from fer_edge.models.installing import find
    from fer_edge.models.store import RELEASED_NAME

    store = _store()
    wanted = find(store, name) if name is not None else store.active
    bundle = RELEASED if wanted in (None, RELEASED_NAME) else store.path(str(wanted))
    self_test(bundle)
    click.echo(bundle)


@models_group.command("install")
@click.argument("source", shell_complete=complete_files)
@click.option("--use", "at_once", is_flag=True, help="Make it the active model.")
@click.option("--sha256", default="", callback=_check_sha256, help="Of the zip.")
@click.option(
    "--keep",
    type=click.IntRange(3, 1000),
    default=KEPT,
    show_default=True,
    help="Models to keep; the oldest beyond are removed.",
)
@_AGAIN
@_CONFIG
def install_command(
    *,
    source: str,
    at_once: bool,
    sha256: str,
    keep: int,
    again: bool,
    config: Path | None,
) -> None:
    """Install a model, after its digests and its self-test have been checked.

    SOURCE is a directory that fer-convert made, a zip of one, or the http(s) address of
    such a zip.

    \b
    Examples:
      sudo fer-edge models install /media/usb/bundle --use
      sudo fer-edge models install https://example.org/model.zip --sha256 9f86d0…
    """
    from fer_edge.models.installing import Wanted, install, use

    store, key = _store(), _public_key(config)
    wanted = Wanted(source, sha256=sha256, key=key, keep=keep)
    installed = install(store, wanted)
    for name in installed.pruned:
        click.echo(f"{name}: removed, one of the oldest")
    how = "installed" if installed.new else "there already, each file renewed"
    click.echo(f"{installed.name}: {how}")
    if at_once:
        use(store, installed.name, key, again=again)
        _tell_active(store)


@models_group.command("use")
@click.argument("name", shell_complete=_NAMES)
@_AGAIN
@_CONFIG
def use_command(*, name: str, again: bool, config: Path | None) -> None:
    """Make NAME the active model; the beginning of its name is enough.

    The daemon takes it when it is started next. If it fails then, or before its
    probation is over, the daemon goes back to the one before by itself.

    \b
    Examples:
      sudo fer-edge models use slim-5032
      sudo fer-edge models use released
    """
    from fer_edge.models.installing import find, use

    store = _store()
    use(store, find(store, name), _public_key(config), again=again)
    _tell_active(store)


@models_group.command("rollback")
@_AGAIN
@_CONFIG
def rollback_command(*, again: bool, config: Path | None) -> None:
    """Make the model that was active before the active one again.

    \b
    Example:
      sudo fer-edge models rollback
    """
    from fer_contract.errors import FerError
    from fer_edge.models.installing import use
    from fer_edge.models.store import RELEASED_NAME

    store = _store()
    if not store.can_roll_back():
        raise FerError(f"{store.folder}: no model was active before this one")
    use(store, store.previous or RELEASED_NAME, _public_key(config), again=again)
    _tell_active(store)


@models_group.command("remove")
@click.argument("name", shell_complete=_NAMES)
def remove_command(*, name: str) -> None:
    """Remove NAME, an installed model, but never the active one or the one before.

    \b
    Example:
      sudo fer-edge models remove slim-5032
    """
    from fer_edge.models.installing import find, remove

    store = _store()
    found = find(store, name)
    remove(store, found)
    click.echo(f"{found}: removed")


@models_group.command("fetch-detector")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A copy that was brought, instead of the network.",
)
@click.option("--url", help="Another address.  [default: OpenCV's zoo on GitHub]")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Another file; name it as faces.yunet_model then.  "
    "[default: where the daemon looks for it]",
)
def fetch_detector_command(
    *, source: Path | None, url: str | None, out: Path | None
) -> None:
    """Fetch YuNet (230 KB, MIT), which finds more faces than the built-in detector.

    \b
    Examples:
      sudo fer-edge models fetch-detector
      sudo fer-edge models fetch-detector --from /media/usb/yunet.onnx
    """
    from fer_edge import detector_model

    if source and url:
        raise click.UsageError("--from and --url exclude each other")
    path = out or detector_model.detector_path()
    if detector_model.is_detector(path):
        click.echo(f"{path}: there already, with the right SHA-256")
        return
    if source:
        detector_model.install_detector(source, path)
    else:
        detector_model.fetch_detector(url or detector_model.URL, path)
    click.echo(f"{path}: from {source or url or detector_model.URL}, SHA-256 is right")


def _store() -> "Store":
    from fer_edge.models.store import Store, default_folder

    return Store(default_folder())


def _public_key(config: Path | None) -> "PublicKey | None":
    """Return the key of a configuration, without which no model is let in."""
    from fer_edge.config import load_config
    from fer_edge.errors import ConfigurationError
    from fer_edge.models.signature import key_complaint, parse_public_key

    path = config or _SYSTEM_CONFIG
    if config is None and not path.exists():
        return None
    text = load_config(path).model.public_key
    if complaint := key_complaint(text):
        raise ConfigurationError(f"{path}: {complaint}")
    return parse_public_key(text) if text else None


def _tell_active(store: "Store") -> None:
    from fer_edge.models.store import RELEASED_NAME

    click.echo(
        f"{store.active or RELEASED_NAME}: active; the daemon takes it when it is "
        "started next: sudo systemctl restart fer-edge"
    )
