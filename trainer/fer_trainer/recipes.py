"""Recipes: everything about a training but the network and the data."""

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fer_contract.errors import FerError


class Schedule(StrEnum):
    """How the learning rate changes over the epochs."""

    COSINE = "cosine"
    """Falls to 0 along a half cosine, batch by batch."""
    PLATEAU = "plateau"
    """Falls to a fifth whenever the validation loss has stopped falling."""
    CONSTANT = "constant"


class Monitor(StrEnum):
    """The validation figure whose best epoch is kept."""

    ACCURACY = "val_accuracy"
    """Against the labels; the highest."""
    LOSS = "val_loss"
    """Cross-entropy against the labels; the lowest."""
    VOTES_ACCURACY = "val_votes_accuracy"
    """Against the majority of the votes; the highest. Needs votes."""
    BOTH_ACCURACY = "val_both_accuracy"
    """The mean of both accuracies; the highest. Needs votes."""

    @property
    def needs_votes(self) -> bool:
        """Whether it cannot be measured without votes."""
        return self in (Monitor.VOTES_ACCURACY, Monitor.BOTH_ACCURACY)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The largest change of each kind; each face draws its own, uniformly."""

    flip: bool = True
    """Mirror every second face."""
    rotation_degrees: float = 12.0
    """Either way."""
    shear_degrees: float = 0.0
    """Either way, as Keras' ImageDataGenerator shears."""
    shift: float = 0.08
    """Either way, as a share of the side. A detector's box moves about this much."""
    zoom: float = 0.12
    """In and out; 0.1 is 90 % to 110 %."""
    brightness: float = 30.0
    """Added or taken away, in grey levels."""
    contrast: float = 0.3
    """Either way, as a share, about the face's own mean."""
    brightness_factor: tuple[float, float] = (1.0, 1.0)
    """All grey levels times this: 0 is black, and above 1 the light parts clip."""
    share: float = 0.5
    """Of the faces that each of what follows changes, drawn for each kind anew."""
    downscale: float = 1.0
    """That share is shrunk up to this many times and enlarged again, as a
    camera sees one far away; 1 is never."""
    blur: float = 0.0
    """That share is blurred by a Gaussian of up to this sigma, in pixels: a
    lens out of focus, a head that moves."""
    side_light: float = 0.0
    """That share loses up to this part of its light towards one edge."""
    noise: float = 0.0
    """That share gets grain of up to this standard deviation, in grey levels,
    as a sensor makes in the dark."""
    erase: float = 0.0
    """That share loses a rectangle of up to this part of each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train. Shares are 0 to 1; 0 switches a thing off."""

    name: str
    summary: str
    """One line for ``fer-train presets``."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    schedule: Schedule = Schedule.COSINE
    warm_up: float = 0.0
    """Share of a cosine's batches in which the learning rate first rises from 0."""
    weight_decay: float = 0.0
    """Decoupled, as in AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101)."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes (arXiv 1512.00567)."""
    mixup: float = 0.0
    """Both parameters of the beta distribution that faces are blended by; 0.2 is
    usual (Zhang et al. 2017, arXiv 1710.09412)."""
    weight_average: float = 0.0
    """Share of the training's batches that the moving average of the weights reaches
    back over; 0.05 of 6,000 is a momentum of 1 - 1/300."""
    class_weights: bool = False
    """Weigh each face's loss by the rarity of its class."""
    oversample: bool = False
    """Show the faces of rarer classes several times an epoch."""
    early_stopping: int = 0
    """End after this many epochs without a lower validation loss; 0 never."""
    monitor: Monitor = Monitor.ACCURACY
    votes_share: float = 0.5
    """Of the votes in a face's target, if there are votes; the rest is its label."""
    teacher_share: float = 0.7
    """Of the teachers in the loss, if there are teachers."""
    temperature: float = 2.0
    """Of teachers and student where they are compared; above 1 shows what else a
    teacher thought of (Hinton et al. 2015, arXiv 1503.02531)."""

    def __post_init__(self) -> None:
        if self.class_weights and self.oversample:
            raise FerError(
                "--class-weights --oversample: each makes up for rare classes; "
                "one of the two is allowed"
            )

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        facts = dataclasses.asdict(self)
        facts.pop("summary")
        return facts


STANDARD = Recipe(
    name="standard",
    summary="moderate augmentation, learning rate along a cosine",
)

STUDY = Recipe(
    name="study",
    summary="as the original study trained: flips, brightness 0 to 2, plateaus",
    # Horizontal flip, brightness_range (0, 2), shear_range 0.3 (degrees, so hardly
    # any): pixel for pixel what Keras' ImageDataGenerator makes, to a grey level.
    augmentation=Augmentation(
        rotation_degrees=0.0,
        shear_degrees=0.3,
        shift=0.0,
        zoom=0.0,
        brightness=0.0,
        contrast=0.0,
        brightness_factor=(0.0, 2.0),
    ),
    # Both callbacks are the study's; how patient they were is not recorded. Every
    # network but VGG16 ran through its 20 epochs, so not very impatient.
    schedule=Schedule.PLATEAU,
    early_stopping=6,
)

STRONG = Recipe(
    name="strong",
    summary="much augmentation, mixup, smoothed labels, averaged weights; 40+ epochs",
    augmentation=Augmentation(
        rotation_degrees=15.0,
        shift=0.10,
        zoom=0.20,
        brightness=40.0,
        contrast=0.4,
        downscale=2.5,
        erase=0.4,
    ),
    warm_up=0.05,
    weight_decay=0.01,
    label_smoothing=0.05,
    mixup=0.2,
    weight_average=0.05,
)

RELEASE = Recipe(
    name="release",
    summary="as the released model: votes, a camera's light, blur and grain",
    augmentation=Augmentation(
        rotation_degrees=15.0,
        shift=0.08,
        zoom=0.18,
        brightness=35.0,
        contrast=0.35,
        # Of each kind on every fifth face, a third stay as they are; on every second
        # face, 3 % would.
        share=0.2,
        downscale=2.5,
        blur=1.5,
        side_light=0.6,
        noise=15.0,
        erase=0.35,
    ),
    warm_up=0.05,
    weight_decay=0.03,
    mixup=0.2,
    weight_average=0.05,
    # Either alone trades sad for neutral: labels and votes disagree on those.
    monitor=Monitor.BOTH_ACCURACY,
)

REFINE = Recipe(
    name="refine",
    summary="last epochs of a trained network: votes, faces nearly as they are",
    # A small network spends filters on what augmentation makes of faces. Once it has
    # learned from those, a few epochs on faces as they come give them back (He et al.
    # 2019, arXiv 1909.09148).
    augmentation=Augmentation(
        rotation_degrees=5.0,
        shift=0.03,
        zoom=0.05,
        brightness=15.0,
        contrast=0.15,
        # So that what a camera does to a face is not forgotten.
        share=0.1,
        downscale=2.5,
        blur=1.5,
        side_light=0.6,
        noise=15.0,
    ),
    warm_up=0.05,
    weight_decay=0.03,
    weight_average=0.1,
    monitor=Monitor.BOTH_ACCURACY,
)

RECIPES = {recipe.name: recipe for recipe in (STANDARD, STUDY, STRONG, RELEASE, REFINE)}


def override(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """Return the recipe with what was asked for otherwise; None changes nothing.

    Args:
        recipe: to begin with.
        changes: by the names of its fields; choices may be given as text.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    for key, kind in (("schedule", Schedule), ("monitor", Monitor)):
        if key in given:
            given[key] = kind(given[key])
    return dataclasses.replace(recipe, **given)


def find_recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        FerError: none of that name.
    """
    if name not in RECIPES:
        raise FerError(f"--recipe: {name!r}; allowed are {', '.join(RECIPES)}")
    return RECIPES[name]
