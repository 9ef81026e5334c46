"""A model on the Edge TPU: predicted always, compiled where the compiler is."""

import dataclasses
import platform
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_converter.edgetpu.compiler import (
    Compilation,
    command,
    compile_model,
    disagreements,
    find_compiler,
)
from fer_converter.edgetpu.prediction import PredictedRow, predict, tabulate
from fer_converter.rules import EDGETPU_RULES, check
from fer_converter.tflite_file import TfliteFile
from fer_converter.verdicts import Verdict, decided

WHERE = "coral.ai/docs/edgetpu/compiler"
"""Where the compiler is to be had."""


@dataclass(frozen=True, slots=True)
class EdgeTpu:
    """What is known of a model there."""

    table: tuple[PredictedRow, ...]
    """Predicted, operators that go alike in one row."""
    rules: tuple[Verdict, ...]
    verdicts: tuple[Verdict, ...] = ()
    """That decide about the bundle: none unless the Edge TPU was asked for."""
    compilation: Compilation | None = None
    disagreements: tuple[str, ...] = ()
    """Between prediction and compiler, a line each."""
    hint: str = ""
    """Why it was not compiled here, and where it can be."""
    by_hand: str = ""
    """The command that compiles the bundle's model, if this did not."""

    @property
    def predicted(self) -> bool:
        """Whether all rules say that it runs there."""
        return all(rule.passed for rule in self.rules)

    @property
    def mapped(self) -> tuple[int, int]:
        """Operators predicted to run there, and all."""
        rows = [part.row for part in self.table]
        return (
            sum(row.count for row in rows if row.maps),
            sum(row.count for row in rows),
        )

    def facts(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "predicted": self.predicted,
            "table": [part.facts() for part in self.table],
            "rules": [dataclasses.asdict(rule) for rule in self.rules],
            "compilation": self.compilation and self.compilation.facts(),
            "disagreements": list(self.disagreements),
            "hint": self.hint,
            "by_hand": self.by_hand,
        }


def only_predict(model: TfliteFile) -> EdgeTpu:
    """Predict, for a model that need not run there."""
    return EdgeTpu(tabulate(predict(model)), check(model, EDGETPU_RULES))


def aim_at_edgetpu(model: TfliteFile, place: Path, *, timeout_seconds: int) -> EdgeTpu:
    """Compile a model for the Edge TPU, or at least say what would come of it.

    With a compiler its word decides, and the prediction is held against it; without
    one the rules decide.

    Args:
        model: the int8 model; the compiled one goes beside it.
        place: where both will lie in the end, for the command that is printed.
        timeout_seconds: that the compiler may take.
    """
    predicted = only_predict(model)
    compiler = find_compiler()
    if compiler is None:
        return dataclasses.replace(
            predicted,
            verdicts=predicted.rules,
            hint=_hint(),
            by_hand=shlex.join(
                command(place / model.path.name, place, timeout_seconds)
            ),
        )
    compilation = compile_model(
        compiler, model.path, model.path.parent, timeout_seconds
    )
    count = sum(row.count for row in compilation.table)
    return dataclasses.replace(
        predicted,
        verdicts=(
            decided(
                "Edge TPU compiler",
                compilation.succeeded,
                compilation.reason or f"{count} of {count} operators mapped",
                meaning="It maps every operator",
            ),
        ),
        compilation=compilation,
        disagreements=tuple(
            disagreements(
                [part.row for part in predicted.table], list(compilation.table)
            )
            if compilation.table
            else ()
        ),
    )


def _hint() -> str:
    reason = (
        "edgetpu_compiler is not on PATH"
        if platform.machine() == "x86_64"
        else f"edgetpu_compiler runs on x86-64 only, this is {platform.machine()}"
    )
    return f"{reason} ({WHERE}); where it is, the same fer-convert compiles, too"
