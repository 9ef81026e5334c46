"""What is to be trained, and how: all that decides the outcome, but the faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_contract.errors import FerError
from fer_trainer.presets.preset import Preset
from fer_trainer.recipes import RECIPES, Recipe


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
    """To begin with: "imagenet", "released", a file's path, or None for fresh ones."""
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

    def _monitoring(self) -> str:
        """Name the option that wants the monitored figure."""
        monitor = self.recipe.monitor
        known = RECIPES.get(self.recipe.name)
        if known is not None and known.monitor == monitor:
            return f"--recipe: {self.recipe.name}, which chooses by {monitor}"
        return f"--monitor: {monitor}"

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of it, and no path of this machine."""
        weights = self.weights
        return {
            "preset": self.preset.name,
            "recipe": self.recipe.facts(),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weights": Path(weights).name if weights else None,
            "votes": self.votes.name if self.votes else None,
            "mixed_precision": self.mixed_precision,
            "drop_leaks": self.drop_leaks,
        }


def make_plan(preset: Preset, recipe: Recipe, **settings: Any) -> Plan:
    """Return a plan; a setting that is None is the preset's own."""
    given = {key: value for key, value in settings.items() if value is not None}
    defaults = {
        name: getattr(preset, name)
        for name in ("epochs", "batch_size", "learning_rate")
    }
    return Plan(preset=preset, recipe=recipe, **(defaults | given))
