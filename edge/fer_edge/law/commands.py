"""``fer-edge notice``."""

from pathlib import Path

import click

from fer_contract.errors import naming
from fer_edge.law.notice import LANGUAGES

_PATH = click.Path(path_type=Path, readable=False)


@click.command("notice")
@click.option("--config", type=_PATH, required=True, help="fer-edge.toml")
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", help="Of the notice."
)
@click.option("--html", type=_PATH, help="Write a page to be printed here instead.")
def notice_command(*, config: Path, language: str, html: Path | None) -> None:
    """Print the notice to the people in front of the camera (EU AI Act, Art. 50(3)).

    \b
    Examples:
      sudo fer-edge notice --config /etc/fer-edge/fer-edge.toml
      fer-edge notice --config fer-edge.toml --language de --html notice.html
    """
    from fer_contract.manifest import BundleManifest, read_manifest
    from fer_edge.config import load_config
    from fer_edge.errors import ConfigurationError
    from fer_edge.law import complaints
    from fer_edge.law.notice import as_text, compose, missing
    from fer_edge.law.page import as_html
    from fer_edge.models import bundle_of

    settings = load_config(config)
    if lines := complaints(settings.law) + missing(settings.law):
        raise ConfigurationError(*(f"{config}: {line}" for line in lines))
    manifest = read_manifest(bundle_of(settings.model.bundle), BundleManifest)
    # The broker may switch the preview on where its commands are heeded.
    switched = bool(settings.mqtt.host) and settings.mqtt.commands
    preview = settings.http.preview or switched
    shown = bool(settings.http.port) and preview
    notice = compose(settings.law, manifest.labels, language, preview=shown)
    if html is None:
        click.echo(as_text(notice))
        return
    with naming(html):
        html.write_text(as_html(notice), encoding="utf-8")
    click.echo(f"{html}: to be printed")
