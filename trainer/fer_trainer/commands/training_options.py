"""Every option of a training, for each command that trains.

A command takes them as ``**choices`` and hands them to ``read_material`` and
``read_plan``: none is copied by hand. An option of a recipe is named as its field.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fer_contract.command import FiniteRange
from fer_contract.completion import complete_files
from fer_trainer.commands.options import (
    COMPLETE_RECIPES,
    DATA,
    LABELS,
    PATH,
    SEED,
    SKIP_UNREADABLE,
)
from fer_trainer.recipes import (
    RECIPES,
    STANDARD,
    Monitor,
    Recipe,
    Schedule,
    find_recipe,
    override,
)

if TYPE_CHECKING:
    from fer_trainer.material import Material
    from fer_trainer.plan import Plan

Command = TypeVar("Command", bound=Callable[..., Any])

_SHARE = FiniteRange(0, 1)

_DATA = (
    DATA,
    LABELS,
    SKIP_UNREADABLE,
    click.option(
        "--image-size",
        type=click.IntRange(8, 1024),
        default=48,
        help="Side in pixels of what the network takes; faces are scaled to it.",
    ),
    click.option("--votes", type=PATH, help="CSV of FER+ votes, for the targets."),
    click.option(
        "--drop-leaks",
        is_flag=True,
        help="Leave out training faces that are in validation or test too.",
    ),
)

_PLAN = (
    click.option(
        "--recipe",
        "recipe_name",
        default=STANDARD.name,
        shell_complete=COMPLETE_RECIPES,
        help=f"{', '.join(RECIPES)}, as fer-train presets describes them; what follows "
        "changes parts of it.",
    ),
    click.option("--epochs", type=click.IntRange(1), help="[default: the preset's]"),
    click.option(
        "--batch-size", type=click.IntRange(1), help="[default: the preset's]"
    ),
    click.option(
        "--learning-rate",
        type=FiniteRange(0, 1, min_open=True),
        help="At the start.  [default: the preset's]",
    ),
    click.option("--seed", type=SEED, default=0, help="Repeats a run."),
    click.option(
        "--weights",
        default="none",
        shell_complete=complete_files,
        help="To begin with: none, a run of the preset, a file of them, imagenet for "
        "the presets with a backbone, released or a run of mobilenet-faces for slim.",
    ),
    click.option(
        "--teacher",
        "teachers",
        type=PATH,
        multiple=True,
        help="Finished run to learn from; several are averaged.",
    ),
    click.option(
        "--mixed-precision", is_flag=True, help="Compute in 16 bits: faster on a GPU."
    ),
)

_RECIPE = (
    click.option(
        "--schedule",
        type=click.Choice([kind.value for kind in Schedule]),
        help="How the learning rate changes.",
    ),
    click.option("--weight-decay", type=_SHARE, help="Decoupled, as in AdamW."),
    click.option(
        "--label-smoothing", type=_SHARE, help="Share of a target for all classes."
    ),
    click.option(
        "--mixup", type=FiniteRange(0, 10), help="Parameter of the blending of faces."
    ),
    click.option(
        "--weight-average",
        type=_SHARE,
        help="Share of the training that the average of the weights reaches back over.",
    ),
    click.option(
        "--class-weights/--no-class-weights",
        default=None,
        help="Weigh losses by the rarity of the class.",
    ),
    click.option(
        "--oversample/--no-oversample",
        default=None,
        help="Show faces of rarer classes more often.",
    ),
    click.option(
        "--early-stopping",
        type=click.IntRange(0),
        help="Epochs to wait for a lower validation loss; 0 waits for ever.",
    ),
    click.option(
        "--monitor",
        type=click.Choice([kind.value for kind in Monitor]),
        help="Whose best epoch is kept; the last two need --votes.",
    ),
    click.option("--votes-share", type=_SHARE, help="Of the votes in a target."),
    click.option("--teacher-share", type=_SHARE, help="Of the teachers in the loss."),
    click.option(
        "--temperature", type=FiniteRange(1, 100), help="Of teachers and student."
    ),
)


def training_options(command: Command) -> Command:
    """Give a command the options of data, plan and recipe."""
    for option in reversed(_DATA + _PLAN + _RECIPE):
        command = option(command)
    return command


def read_material(choices: dict[str, Any]) -> "Material":
    """Load the faces that were chosen, and the votes on them.

    Raises:
        DataError: they cannot be used.
    """
    from fer_contract.dataset import FaceData
    from fer_contract.preprocess import InputSpec
    from fer_trainer.material import load_material

    side = choices["image_size"]
    faces = FaceData(
        choices["data"],
        choices["labels"],
        InputSpec(side, side),
        skip_unreadable=choices["skip_unreadable"],
    )
    return load_material(
        faces,
        votes=choices["votes"],
        without_leaks=choices["drop_leaks"],
    )


def read_plan(preset_name: str, choices: dict[str, Any]) -> "Plan":
    """Put preset, recipe and what was asked for otherwise together.

    Raises:
        FerError: an unknown name, or options that contradict each other.
    """
    from fer_trainer.plan import make_plan
    from fer_trainer.presets import find_preset

    names = {part.name for part in dataclasses.fields(Recipe)}
    changes = {key: value for key, value in choices.items() if key in names}
    weights = choices["weights"]
    return make_plan(
        find_preset(preset_name),
        override(find_recipe(choices["recipe_name"]), changes),
        epochs=choices["epochs"],
        batch_size=choices["batch_size"],
        learning_rate=choices["learning_rate"],
        seed=choices["seed"],
        weights=None if weights == "none" else weights,
        teachers=tuple(Path(run) for run in choices["teachers"]),
        votes=choices["votes"],
        mixed_precision=choices["mixed_precision"],
        drop_leaks=choices["drop_leaks"],
    )
