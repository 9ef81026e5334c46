"""What is to be trained, and how: all that decides the outcome, but the faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_contract.errors import FerError
from fer_trainer.presets.preset import Preset
from fer_trainer.recipes import RECIPES, Recipe

TEACHER = "teacher"
"""Of weights that are those of a teacher, with its number: ``teacher 1``."""

BEFORE = "the run before"
"""Of weights that are those of a run which is no teacher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train."""

    preset: Preset
    recipe: Recipe
    epochs: int
    batch_size: int
    learning_rate: float
    """At the start."""
    seed: int
    weights: str | None = None
    """To begin with: "imagenet", "released", the path of a file or of a run, or None
    for fresh ones."""
    votes: Path | None = None
    """FER+ votes, mixed into the targets."""
    teachers: tuple[Path, ...] = ()
    """Finished runs to learn from."""
    mixed_precision: bool = False
    """Compute in 16 bits where that is faster; weights stay float32."""
    drop_leaks: bool = False
    """Leave out training faces that are in validation or test too."""

    def __post_init__(self) -> None:
        if self.recipe.monitor.needs_votes and self.votes is None:
            raise FerError(f"{self._monitoring()}; needs --votes")
        if self.weights and self.preset.load_pretrained is None:
            raise FerError(
                f"--weights: {self.weights}; {self.preset.name} has no pretrained "
                "backbone and is trained from nothing"
            )

    @property
    def run_before(self) -> Path | None:
        """Run whose weights are given; None where they are of a file, or fresh."""
        return (
            Path(self.weights) if self.weights and Path(self.weights).is_dir() else None
        )

    def _monitoring(self) -> str:
        """Name the option that wants the monitored figure."""
        monitor = self.recipe.monitor
        known = RECIPES.get(self.recipe.name)
        if known is not None and known.monitor == monitor:
            return f"--recipe: {self.recipe.name}, which chooses by {monitor}"
        return f"--monitor: {monitor}"

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it, and no path of this machine."""
        return {
            "preset": self.preset.name,
            "recipe": self.recipe.facts(),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weights": self._named_weights(),
            "votes": self.votes.name if self.votes else None,
            "mixed_precision": self.mixed_precision,
            "drop_leaks": self.drop_leaks,
        }

    def _named_weights(self) -> str | None:
        """Name what the network begins with, so that it can be found again."""
        if self.weights is None:
            return None
        path = Path(self.weights)
        for number, teacher in enumerate(self.teachers, start=1):
            if path.resolve() == teacher.resolve():
                return f"{TEACHER} {number}"
        return BEFORE if self.run_before else path.name


def make_plan(preset: Preset, recipe: Recipe, **settings: Any) -> Plan:
    """Return a plan; a setting that is None is the preset's own."""
    given = {key: value for key, value in settings.items() if value is not None}
    defaults = {
        name: getattr(preset, name)
        for name in ("epochs", "batch_size", "learning_rate")
    }
    return Plan(preset=preset, recipe=recipe, **(defaults | given))
