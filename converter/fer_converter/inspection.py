"""A ``.tflite`` file of any origin, looked at and not converted."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_contract.errors import ModelError
from fer_converter.edgetpu.target import EdgeTpu, only_predict
from fer_converter.interpreters import load
from fer_converter.rules import DEVICE_RULES, check
from fer_converter.tflite_file import DAMAGE, TfliteFile, read_tflite
from fer_converter.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found."""

    model: TfliteFile
    rules: tuple[Verdict, ...]
    """Of the device."""
    edgetpu: EdgeTpu

    def facts(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "file": self.model.path.name,
            "bytes": self.model.size,
            "sha256": self.model.digest,
            "compiled_for_edgetpu": self.model.compiled,
            "inputs": [_tensor(part) for part in self.model.inputs],
            "outputs": [_tensor(part) for part in self.model.outputs],
            "multiplications": self.model.multiplications,
            "parameter_bytes": self.model.parameter_bytes,
            "rules": [dataclasses.asdict(rule) for rule in self.rules],
            "edgetpu": self.edgetpu.facts(),
        }


def inspect(path: Path) -> Inspection:
    """Look at a file.

    Raises:
        ModelError: missing, truncated or no model.
    """
    model = read_tflite(path)
    if not model.compiled:  # a compiled one loads only beside its processor
        try:
            load(model.content)
        except ModelError as mistake:
            raise ModelError(f"{path}: {mistake}") from mistake
    return judge(model)


def judge(model: TfliteFile) -> Inspection:
    """Hold a model of any origin against all rules.

    Raises:
        ModelError: operators without what they need.
    """
    try:
        found = Inspection(model, check(model, DEVICE_RULES), only_predict(model))
        found.facts()  # counts the multiplications
    except DAMAGE as mistake:
        raise ModelError(f"{model.path}: damaged ({model.size} bytes)") from mistake
    return found


def print_inspection(found: Inspection, say: Callable[[str], None]) -> None:
    """Tell people."""
    model = found.model
    say(
        f"{model.path}: {model.size / 1000:,.0f} KB, {len(model.operators)} operators, "
        f"{model.multiplications / 1e6:.1f} million multiplications"
    )
    for side, tensors in (("input", model.inputs), ("output", model.outputs)):
        for part in tensors:
            say(f"{side:6} {part.kind} {part.shape} {part.name}")
    if model.compiled:
        say("compiled for the Edge TPU; the plain model tells more")
        return
    for rule in found.rules:
        say(f"{rule.outcome:9} {rule.gate}: {rule.saw}")
    print_edgetpu(found.edgetpu, say)


def print_edgetpu(edgetpu: EdgeTpu, say: Callable[[str], None]) -> None:
    """Tell people what the Edge TPU would run, row by row."""
    say("on the Edge TPU, predicted:")
    width = max((len(part.row.operator) for part in edgetpu.table), default=0)
    for part in edgetpu.table:
        row = part.row
        verdict = "maps" if row.maps else f"stays on the CPU: {part.why}"
        say(f"  {row.operator:{width}} {row.count:4}  {verdict}")
    for rule in edgetpu.rules:
        say(f"{rule.outcome:9} {rule.gate}: {rule.saw}")


def _tensor(part: Any) -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": part.kind,
        "shape": list(part.shape),
        "scales": list(part.scales),
        "zero_points": list(part.zero_points),
    }
