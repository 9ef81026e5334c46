"""What ``fer-train tune`` may change: settings of a plan, and their ranges."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fer_contract.errors import FerError
from fer_trainer.plan import Plan
from fer_trainer.presets import PRESETS, find_preset
from fer_trainer.recipes import Augmentation, Recipe

Value = float | int | str

_AUGMENTATION = "augmentation."
_PLAN = {"learning_rate": float, "batch_size": int}
_RECIPE = {
    part.name: float for part in dataclasses.fields(Recipe) if part.type is float
}
_CHANGES = {
    _AUGMENTATION + part.name: float
    for part in dataclasses.fields(Augmentation)
    if part.type is float
}
NUMBERS: dict[str, type] = {**_PLAN, **_RECIPE, **_CHANGES}
"""Every number that can be searched, and its type."""

DEFAULT = (
    "learning_rate=0.0003:0.01:log",
    "weight_decay=0.0001:0.1:log",
    "label_smoothing=0:0.2",
    "mixup=0:0.4",
)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting: a range, or a choice."""

    name: str
    """Of ``NUMBERS``, or ``preset``."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """Search the range's logarithm."""
    choices: tuple[Value, ...] = ()
    """If not empty, these and no range."""

    def suggest(self, trial: Any) -> Value:
        """Ask an Optuna trial for a value."""
        if self.choices:
            value: Value = trial.suggest_categorical(self.name, self.choices)
        elif NUMBERS[self.name] is int:
            value = trial.suggest_int(
                self.name, int(self.low), int(self.high), log=self.log
            )
        else:
            value = trial.suggest_float(self.name, self.low, self.high, log=self.log)
        return value


def parse_dimension(text: str) -> Dimension:
    """Read ``name=low:high``, ``name=low:high:log`` or ``name=one,two,three``.

    Raises:
        FerError: another form, an unknown name, or a range that is none.
    """
    name, _, values = text.partition("=")
    if name == "preset":
        chosen = tuple(find_preset(value).name for value in values.split(","))
        return Dimension(name, choices=chosen)
    if name not in NUMBERS:
        allowed = ", ".join(["preset", *NUMBERS])
        raise FerError(f"--search: {name!r}; allowed are {allowed}")
    kind = NUMBERS[name]
    parts = values.split(":")
    try:
        if len(parts) == 1:
            numbers = tuple(kind(value) for value in values.split(","))
            return Dimension(name, choices=numbers)
        low, high = kind(parts[0]), kind(parts[1])
    except (ValueError, IndexError):
        low = high = 0
    log = parts[2:] == ["log"]
    if not low < high or (parts[2:] and not log) or (log and low <= 0):
        raise FerError(
            f"--search: {text!r}; wanted: {name}=LOW:HIGH, {name}=LOW:HIGH:log with a "
            f"LOW above 0, or {name}=ONE,TWO,…"
        )
    return Dimension(name, float(low), float(high), log)


def apply(plan: Plan, values: Mapping[str, Value]) -> Plan:
    """Return the plan with these settings.

    Raises:
        FerError: settings that contradict each other.
    """
    changes = {
        name.removeprefix(_AUGMENTATION): value
        for name, value in values.items()
        if name.startswith(_AUGMENTATION)
    }
    recipe = dataclasses.replace(
        plan.recipe,
        augmentation=dataclasses.replace(plan.recipe.augmentation, **changes),  # type: ignore[arg-type]
        **{name: value for name, value in values.items() if name in _RECIPE},  # type: ignore[arg-type]
    )
    settings: dict[str, Any] = {
        name: value for name, value in values.items() if name in _PLAN
    }
    if "preset" in values:
        settings["preset"] = PRESETS[str(values["preset"])]
    return dataclasses.replace(plan, recipe=recipe, **settings)
