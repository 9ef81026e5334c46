"""The one place that starts Keras."""

import importlib
import importlib.metadata
import os
from types import ModuleType

from fer_contract.errors import FerError
from fer_contract.quiet import native_messages_to_log


def start_keras() -> ModuleType:
    """Import Keras without its backend's chatter; takes seconds the first time.

    The backend is ``KERAS_BACKEND``'s, TensorFlow unless it is set.

    Raises:
        FerError: the backend is none, or is not installed.
    """
    # TensorFlow's own notes on threads and memory; warnings and errors are kept.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        with native_messages_to_log():
            keras = importlib.import_module("keras")
            # The first tensor is what looks for a GPU, and prints when there is none.
            keras.ops.zeros((1,))
    except (ImportError, ValueError) as mistake:
        chosen = os.environ.get("KERAS_BACKEND")
        raise FerError(
            f"KERAS_BACKEND: {chosen or 'not set'}; Keras cannot start with it "
            f"({mistake}); install that backend, or unset KERAS_BACKEND and: "
            "pip install 'fer-edge-toolkit[train]'"
        ) from mistake
    return keras


def versions() -> dict[str, str]:
    """Return the versions that a model depends on, by distribution name."""
    keras = start_keras()
    names = ["fer-edge-toolkit", "keras", keras.backend.backend(), "numpy"]
    return {name: importlib.metadata.version(name) for name in names}
