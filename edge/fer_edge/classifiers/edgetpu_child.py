"""The process that holds the Edge TPU: faces come in, the model's outputs go out.

libedgetpu aborts on an error of USB, may crash with a runtime that it was not built
for, and may hang. So it is loaded here, once, and nowhere else::

    python -m fer_edge.classifiers.edgetpu_child MODEL LIBRARY DEVICE PARENT

Without a LIBRARY the model, which must then not be a compiled one, runs on the
processor: so all but the library is tested where there is no Edge TPU.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_contract.errors import FerError
from fer_contract.tflite import TfliteClassifier, load_runtime
from fer_edge.child import end_with_parent, take_output
from fer_edge.classifiers.wire import Kind, Message, Wire


def main(arguments: Sequence[str]) -> int:
    """Load the model, say so, and answer until the daemon closes its end."""
    model, library, device, parent = arguments
    end_with_parent(int(parent))
    wire = Wire(0, take_output())
    try:
        delegate = _load_delegate(library, device) if library else None
        classifier = TfliteClassifier(Path(model), delegate=delegate)
    except OSError as lack:
        return _refuse(wire, Kind.HOPELESS, str(lack))
    except (FerError, ValueError) as failure:
        return _refuse(wire, Kind.FAILED, str(failure))
    serve(wire, classifier)
    return 0


def facts_of(model: TfliteClassifier) -> dict[str, Any]:
    """Return what the daemon compares with its own model, as JSON has it."""
    return {
        "input": list(model.input_shape),
        "classes": model.classes,
        "scale": model.output.scale,
        "zero_point": model.output.zero_point,
    }


def serve(wire: Wire, model: TfliteClassifier) -> None:
    """Say what the model is; answer face after face until the daemon closes its end."""
    wire.send(Message(Kind.READY, 0, json.dumps(facts_of(model)).encode()))
    while True:
        try:
            question = wire.receive()
        except EOFError:
            return
        pixels = np.frombuffer(question.content, dtype=np.uint8)
        outputs = model.quantized(pixels.reshape(model.input_shape))
        wire.send(Message(Kind.OUTPUTS, question.number, outputs.tobytes()))


def _load_delegate(library: str, device: str) -> object:
    """Load the library and open the device.

    Raises:
        OSError: no such library, one that itself lacks one, or one of something else.
        ValueError: the library refuses.
    """
    runtime, _ = load_runtime()
    try:
        return runtime.load_delegate(library, {"device": device})
    except AttributeError as lack:  # a library of something else
        raise OSError(str(lack)) from lack
    except ValueError as refusal:
        which = f"device {device!r}" if device else "a device"
        # The first line says that it failed; libedgetpu adds nothing for any of these.
        reason = str(refusal).partition("\n")[2].strip()
        reason = reason or "none is there, no permission, or busy"
        raise ValueError(f"{library} refuses {which}: {reason}") from refusal


def _refuse(wire: Wire, kind: Kind, reason: str) -> int:
    wire.send(Message(kind, 0, reason.encode(errors="replace")))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
