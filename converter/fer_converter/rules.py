"""What a model must be for the device, and for the Edge TPU.

A rule is one small function: its docstring is the rule, and it returns whether the
model keeps it and what it saw. Console, report and exit code are made from those.
Facts and their sources stand beside the figures.
"""

import dataclasses
from collections.abc import Callable

from fer_contract.tflite import EDGETPU_CACHE_BYTES, EDGETPU_MARK
from fer_converter.edgetpu.operators import PARSED
from fer_converter.edgetpu.prediction import predict
from fer_converter.tflite_file import TfliteFile
from fer_converter.verdicts import Outcome, Verdict, decided, meaning_of

Rule = Callable[[TfliteFile], tuple[bool, str]]

COMPILER = "16.0"
"""The last release of ``edgetpu_compiler``."""

_EXACT = 1e-6
"""Of a scale: what float32 makes of 255 / 255 is nearer."""

_WHOLE = ("int8", "uint8", "int16", "int32", "int64", "bool")
_SHOWN = 3


def full_integer(model: TfliteFile) -> tuple[bool, str]:
    """Every tensor holds whole numbers."""
    used = {
        part.index: part for op in model.operators for part in (*op.inputs, *op.outputs)
    }
    floats = [part for part in used.values() if part.kind not in _WHOLE]
    if not floats:
        return True, f"{len(used)} tensors"
    shown = ", ".join(f"{part.name} is {part.kind}" for part in floats[:_SHOWN])
    return False, f"{len(floats)} of {len(used)} do not: {shown}"


def static_shapes(model: TfliteFile) -> tuple[bool, str]:
    """Every shape is known before the model runs."""
    open_ones = [part.name for part in model.tensors if not part.static]
    makers = sorted(
        {op.name for op in model.operators}
        & {"SHAPE", "WHILE", "IF", "CALL_ONCE", "NON_MAX_SUPPRESSION_V4"}
    )
    if open_ones or makers:
        return False, f"not of {', '.join((*open_ones[:_SHOWN], *makers))}"
    return True, f"{len(model.tensors)} tensors"


def batch_of_one(model: TfliteFile) -> tuple[bool, str]:
    """One face at a time."""
    sizes = {part.shape[0] for part in (*model.inputs, *model.outputs) if part.shape}
    return sizes == {1}, f"batch {', '.join(str(size) for size in sorted(sizes))}"


def one_in_one_out(model: TfliteFile) -> tuple[bool, str]:
    """One input, uint8 (1, H, W, 1), and one output, uint8 (1, classes)."""
    source = [(part.kind, part.shape) for part in model.inputs]
    target = [(part.kind, part.shape) for part in model.outputs]
    fits = (
        len(source) == len(target) == 1
        and source[0][0] == target[0][0] == "uint8"
        and len(source[0][1]) == 4
        and source[0][1][3] == 1
        and len(target[0][1]) == 2
    )
    listed = (
        ", ".join(f"{kind} {shape}" for kind, shape in side) or "none"
        for side in (source, target)
    )
    return fits, " to ".join(listed)


def pixels_as_they_are(model: TfliteFile) -> tuple[bool, str]:
    """A byte of the input is a grey value: scale 1, zero point 0."""
    found = [(part.scales, part.zero_points) for part in model.inputs]
    held = bool(found) and all(
        len(scales) == len(zeros) == 1 and abs(scales[0] - 1) < _EXACT and not zeros[0]
        for scales, zeros in found
    )
    told = (
        f"scale {scales[0]:.4g}, zero point {zeros[0]}" if scales else "no scale"
        for scales, zeros in found
    )
    return held, ", ".join(told) or "no input"


def one_scale_a_dense_layer(model: TfliteFile) -> tuple[bool, str]:
    """The weights of a dense layer have one scale.

    Runtimes older than TensorFlow 2.10 read one, and return constants for several.
    """
    scales = [
        len(op.inputs[1].scales)
        for op in model.operators
        if op.name == "FULLY_CONNECTED"
    ]
    if not scales:
        return True, "no dense layer"
    return max(
        scales
    ) == 1, f"dense layers: {len(scales)}, most scales of one: {max(scales)}"


def one_graph(model: TfliteFile) -> tuple[bool, str]:
    """It neither branches nor loops."""
    return model.graphs == 1, f"{model.graphs} graph{'s'[: model.graphs != 1]}"


def versions_that_are_read(model: TfliteFile) -> tuple[bool, str]:
    """The compiler reads the version of every operator."""
    newer = sorted(
        {
            f"{op.name} is version {op.version}, read up to {PARSED[op.name]}"
            for op in model.operators
            if op.name in PARSED and op.version > PARSED[op.name]
        }
    )
    return not newer, "; ".join(newer) or f"{len(model.operators)} operators"


def every_operator_maps(model: TfliteFile) -> tuple[bool, str]:
    """Every operator runs on the Edge TPU."""
    predictions = predict(model)
    left = sorted({part.operator.name for part in predictions if not part.able})
    mapped = sum(part.maps for part in predictions)
    saw = f"{mapped} of {len(predictions)} operators"
    return not left, f"{saw}; because of {', '.join(left)}" if left else saw


def one_region(model: TfliteFile) -> tuple[bool, str]:
    """What can be mapped is one contiguous region: the compiler maps the first."""
    able = [part.able for part in predict(model)]
    begins = [k for k, now in enumerate(able) if now and not (k and able[k - 1])]
    ends = [k for k, now in enumerate(able) if now and not any(able[k + 1 : k + 2])]
    regions = [f"{a + 1}-{b + 1}" for a, b in zip(begins, ends, strict=True)]
    saw = f"operators {', '.join(regions[:_SHOWN])}" + " …" * (len(regions) > _SHOWN)
    return len(regions) == 1, f"{saw} of {len(able)}" if regions else "nothing maps"


def parameters_in_the_cache(model: TfliteFile) -> tuple[bool, str]:
    """The parameters stay on the chip."""
    size = model.parameter_bytes
    saw = f"{size / 1000:,.0f} KB, {EDGETPU_CACHE_BYTES / 1000:,.0f} KB fit"
    return size <= EDGETPU_CACHE_BYTES, saw


def not_compiled(model: TfliteFile) -> tuple[bool, str]:
    """The Edge TPU compiler has not made it already."""
    if model.compiled:
        return False, f"holds {EDGETPU_MARK.decode()}"
    return True, "a plain model"


DEVICE_RULES: tuple[Rule, ...] = (
    full_integer,
    static_shapes,
    batch_of_one,
    one_in_one_out,
    pixels_as_they_are,
    one_scale_a_dense_layer,
    one_graph,
)
"""Without these the device does not run it as it was measured."""

EDGETPU_RULES: tuple[Rule, ...] = (
    not_compiled,
    versions_that_are_read,
    every_operator_maps,
    one_region,
    parameters_in_the_cache,
)
"""Without these the Edge TPU does not run it, or not all of it."""

AT_A_PRICE: tuple[Rule, ...] = (parameters_in_the_cache,)
"""A model that breaks these runs all the same: parameters beyond the cache are fetched
anew for each face (coral.ai/docs/edgetpu/compiler, "Parameter data caching")."""


def check(model: TfliteFile, rules: tuple[Rule, ...]) -> tuple[Verdict, ...]:
    """Hold a model against rules."""
    return tuple(_decide(rule, model) for rule in rules)


def _decide(rule: Rule, model: TfliteFile) -> Verdict:
    verdict = decided(title(rule), *rule(model), meaning=meaning_of(rule))
    if verdict.passed or rule not in AT_A_PRICE:
        return verdict
    return dataclasses.replace(verdict, outcome=Outcome.SLOWER)


def title(rule: Rule) -> str:
    """Return what people call a rule: ``one region``."""
    return rule.__name__.replace("_", " ")
