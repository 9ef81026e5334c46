"""``fer-train presets``: the networks and what they cost."""

import click


@click.command("presets")
def presets_command() -> None:
    """List the networks that can be trained."""
    from fer_contract.preprocess import InputSpec
    from fer_trainer.backend import start_keras
    from fer_trainer.presets import PRESETS

    start_keras()
    for preset in PRESETS.values():
        parameters = preset.build(InputSpec(), 4).count_params()
        click.echo(f"{preset.name:10} {parameters:>10,}  {preset.summary}")
