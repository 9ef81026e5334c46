"""What the Edge TPU compiler will map, said before it runs.

Status words are the compiler's own, so that its log and the prediction can be held
against each other row by row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fer_converter.edgetpu.compiler import (
    MAPPED,
    MORE_THAN_ONE_SUBGRAPH,
    NOT_CONSTANT,
    NOT_SUPPORTED,
    UNSPECIFIED,
    UNSUPPORTED_RANK,
    UNSUPPORTED_TYPE,
    VERSION_NOT_SUPPORTED,
    Row,
)
from fer_converter.edgetpu.operators import EDGETPU, Support
from fer_converter.tflite_file import Operator, Tensor, TfliteFile

_EIGHT_BITS = ("int8", "uint8")


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of one operator."""

    operator: Operator
    status: str
    """As the compiler would word it."""
    why: str
    """The rule that it breaks, for people; empty if it maps."""

    @property
    def maps(self) -> bool:
        """Whether it runs on the Edge TPU."""
        return self.status == MAPPED

    @property
    def able(self) -> bool:
        """Whether it would run there, if all before it did."""
        return self.status in (MAPPED, MORE_THAN_ONE_SUBGRAPH)


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """Operators that go alike."""

    row: Row
    why: str

    def facts(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "operator": self.row.operator,
            "count": self.row.count,
            "maps": self.row.maps,
            "status": self.row.status,
            "why": self.why,
        }


def predict(model: TfliteFile) -> tuple[Prediction, ...]:
    """Predict the fate of each operator, in the order in which they run.

    The compiler maps one region: from the first operator that it can map to the last
    before one that it cannot. What follows stays on the CPU, mappable or not.
    """
    alone = [_predict(operator) for operator in model.operators]
    begins = next((k for k, part in enumerate(alone) if part.maps), len(alone))
    ends = next((k for k in range(begins, len(alone)) if not alone[k].maps), len(alone))
    breaker = "" if ends == len(alone) else alone[ends].operator.name
    return tuple(
        Prediction(
            part.operator,
            MORE_THAN_ONE_SUBGRAPH,
            f"it comes after {breaker}, which runs on the CPU",
        )
        if part.maps and index > ends
        else part
        for index, part in enumerate(alone)
    )


def tabulate(predictions: Iterable[Prediction]) -> tuple[PredictedRow, ...]:
    """Count the operators that go alike: what maps first, then by name."""
    counts: dict[tuple[str, str, str], int] = {}
    for part in predictions:
        key = part.operator.name, part.status, part.why
        counts[key] = counts.get(key, 0) + 1
    rows = [
        PredictedRow(Row(operator, count, status), why)
        for (operator, status, why), count in counts.items()
    ]
    return tuple(sorted(rows, key=lambda part: (not part.row.maps, part.row, part.why)))


def _predict(op: Operator) -> Prediction:
    support = EDGETPU.get(op.name)
    if support is None:
        return Prediction(op, NOT_SUPPORTED, "the Edge TPU has no such operator")
    for question in _QUESTIONS:
        broken = question(op, support)
        if broken is not None:
            return Prediction(op, *broken)
    return Prediction(op, MAPPED, "")


def _version(op: Operator, support: Support) -> tuple[str, str] | None:
    if op.version <= support.version:
        return None
    return (
        VERSION_NOT_SUPPORTED,
        f"version {op.version}; the compiler knows up to {support.version}",
    )


def _kind(op: Operator, support: Support) -> tuple[str, str] | None:
    for tensor in _computed(op):
        if tensor.kind not in (*_EIGHT_BITS, *support.kinds):
            return UNSUPPORTED_TYPE, f"works on {tensor.kind}; 8 bits are wanted"
    return None


def _static(op: Operator, _support: Support) -> tuple[str, str] | None:
    if all(tensor.static for tensor in _computed(op)):
        return None
    return UNSPECIFIED, "its shape is known only when it runs"


def _rank(op: Operator, _support: Support) -> tuple[str, str] | None:
    for tensor in _computed(op):
        if any(length != 1 for length in tensor.shape[:-3]):
            return (
                UNSUPPORTED_RANK,
                f"shape {tensor.shape}; only the three innermost may exceed 1",
            )
    return None


def _constants(op: Operator, support: Support) -> tuple[str, str] | None:
    for position in support.weights:
        if position < len(op.inputs) and not op.inputs[position].constant:
            return NOT_CONSTANT, "its weights are computed"
    return None


def _limits(op: Operator, support: Support) -> tuple[str, str] | None:
    for limit in support.limits:
        if not limit(op):
            return UNSPECIFIED, f"not so: {(limit.__doc__ or '').rstrip('.')}"
    return None


_QUESTIONS: tuple[Callable[[Operator, Support], tuple[str, str] | None], ...] = (
    _version,
    _kind,
    _static,
    _rank,
    _constants,
    _limits,
)


def _computed(op: Operator) -> list[Tensor]:
    """Return what flows through an operator; not weights, axes and shapes."""
    return [part for part in (*op.inputs, *op.outputs) if not part.constant]
