"""edgetpu-rules.md: what a model must be for the device, and for the Edge TPU."""

from collections.abc import Callable, Iterable
from typing import Any

from fer_contract.tflite import EDGETPU_CACHE_BYTES
from fer_converter.edgetpu.operators import EDGETPU, PARSED, Support
from fer_converter.rules import (
    AT_A_PRICE,
    COMPILER,
    DEVICE_RULES,
    EDGETPU_RULES,
    title,
)
from typesetting import MADE, code, prose, table


def page() -> str:
    """Return the page."""
    only_read = ", ".join(code(name) for name in PARSED if name not in EDGETPU)
    return f"""{MADE}\
# What a model must be

`fer-convert` holds every model against these rules, and says of each what it saw;
`fer-convert model.tflite` only looks. They are functions of
[rules.py](../converter/fer_converter/rules.py).

## For the device

Each bundle keeps them, or is refused.

{_rules(DEVICE_RULES)}
## For the Edge TPU

They are told in every report; with `--edgetpu` a model that breaks one is refused. One
that breaks only *{", ".join(title(rule) for rule in AT_A_PRICE)}* is made, and told
to be slower. The compiler is `edgetpu_compiler` {COMPILER}; of parameters,
{EDGETPU_CACHE_BYTES:,} bytes stay on the chip.

{_rules(EDGETPU_RULES)}
### Operators

What runs on the Edge TPU, from
[operators.py](../converter/fer_converter/edgetpu/operators.py). Of each, what flows
through has 8 bits but where it says otherwise, shapes that are known before, and only
its three innermost dimensions exceed 1.

{_operators()}
Read by the compiler, and left to the processor: {only_read}.
"""


def _rules(rules: Iterable[Callable[..., Any]]) -> str:
    rows = ((title(rule), prose(rule.__doc__ or "")) for rule in rules)
    return table(("rule", "says"), rows)


def _operators() -> str:
    rows = (
        (code(name), str(support.version), _forms(support))
        for name, support in sorted(EDGETPU.items())
    )
    return table(("operator", "up to version", "only if"), rows)


def _forms(support: Support) -> str:
    forms = [prose(limit.__doc__ or "") for limit in support.limits]
    if support.weights:
        places = " and ".join(str(place) for place in support.weights)
        forms.insert(0, f"Constant: inputs {places}, counted from 0.")
    if support.kinds:
        forms.append(f"Also of {', '.join(support.kinds)}.")
    return " ".join(forms)
