"""``fer-train presets``: the networks and what they cost."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fer_trainer.presets.preset import Preset


@click.command("presets")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.option(
    "--image-size", type=click.IntRange(8, 1024), default=48, help="Side in pixels."
)
def presets_command(*, as_json: bool, image_size: int) -> None:
    """List the networks that can be trained, what a face costs each, and the recipes.

    Edge TPU: "streams" marks networks whose parameters do not fit on the chip.

    \b
    Example:
      fer-train presets --image-size 64
    """
    from fer_contract.preprocess import InputSpec
    from fer_trainer.backend import start_keras
    from fer_trainer.presets import PRESETS
    from fer_trainer.presets.cost import cost_of
    from fer_trainer.recipes import RECIPES

    keras = start_keras()
    spec = InputSpec(image_size, image_size)
    # As many classes as the study has; a class more is a row more of the last layer.

    def cost(preset: "Preset") -> dict[str, Any]:
        # Without weights, which would take two thirds of the time; shapes are enough.
        with keras.StatelessScope(initialize_variables=False):
            return cost_of(preset.build(spec, 4)).facts()

    # One after the other: the large ones take a while to build.
    costs = ((preset, cost(preset)) for preset in PRESETS.values())
    if as_json:
        listed = [
            {
                "name": preset.name,
                "summary": preset.summary,
                **facts,
                "pretrained": preset.load_pretrained is not None,
                "epochs": preset.epochs,
                "learning_rate": preset.learning_rate,
                "batch_size": preset.batch_size,
            }
            for preset, facts in costs
        ]
        click.echo(json.dumps(listed, indent=2))
        return
    click.echo(
        f"{'preset':<22} {'parameters':>11} {'trainable':>11} {'MMACs':>8}  "
        f"{'Edge TPU':<14}  "
    )
    for preset, facts in costs:
        click.echo(
            f"{preset.name:<22} {facts['parameters']:>11,} {facts['trainable']:>11,} "
            f"{facts['mmacs']:>8,.1f}  {facts['edge_tpu']:<14}  {preset.summary}"
        )
    click.echo(f"\n{'recipe':<22}")
    for recipe in RECIPES.values():
        click.echo(f"{recipe.name:<22} {recipe.summary}")
