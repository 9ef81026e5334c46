"""The one place that starts Keras."""

import contextlib
import importlib
import importlib.metadata
import logging
import os
from types import ModuleType

from fer_contract.errors import FerError
from fer_contract.quiet import native_messages_to_log


def start_keras() -> ModuleType:
    """Import Keras without its backend's chatter; takes seconds the first time.

    The backend is ``KERAS_BACKEND``'s, TensorFlow unless it is set. On GPUs it takes
    memory as it is needed, not all of it at the start.

    Raises:
        FerError: the backend is none, is not installed, or lacks its device.
    """
    keras = import_keras()
    try:
        with native_messages_to_log():
            # The first tensor is what looks for a GPU, and prints when there is none.
            keras.ops.zeros((1,))
    # Of JAX, whose JAX_PLATFORMS may name what this machine does not have.
    except (RuntimeError, AssertionError) as mistake:
        platforms = os.environ.get("JAX_PLATFORMS")
        raise FerError(
            f"{keras.backend.backend()}: has no device to compute on "
            f"({mistake or f'JAX_PLATFORMS is {platforms!r}'})"
        ) from mistake
    return keras


def import_keras() -> ModuleType:
    """Import Keras and make no tensor yet: hosts can only be joined before one is.

    Raises:
        FerError: as ``start_keras``.
    """
    # TensorFlow's own notes on threads and memory; warnings and errors are kept.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # Else JAX takes three quarters of a GPU's memory at the start.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        with native_messages_to_log():
            keras = importlib.import_module("keras")
            if keras.backend.backend() == "tensorflow":
                _let_memory_grow()
                logging.getLogger("tensorflow").addFilter(_is_no_retracing)
    except (ImportError, ValueError) as mistake:
        chosen = os.environ.get("KERAS_BACKEND")
        raise FerError(
            f"KERAS_BACKEND: {chosen or 'not set'}; Keras cannot start with it "
            f"({mistake}); install that backend, or unset KERAS_BACKEND and: "
            "pip install 'fer-edge-toolkit[train]'"
        ) from mistake
    return keras


def _is_no_retracing(record: logging.LogRecord) -> bool:
    """Pass on all but one warning: that a second network is compiled, and a third."""
    return "triggered tf.function retracing" not in str(record.msg)


def _let_memory_grow() -> None:
    """Have TensorFlow take memory of each GPU as it needs it, not all of it."""
    tensorflow = importlib.import_module("tensorflow")
    for gpu in tensorflow.config.list_physical_devices("GPU"):
        # It refuses once a GPU is in use, for whoever uses us from a program.
        with contextlib.suppress(RuntimeError):
            tensorflow.config.experimental.set_memory_growth(gpu, enable=True)


def versions() -> dict[str, str]:
    """Return the versions that a model depends on, by distribution name."""
    keras = start_keras()
    names = ["fer-edge-toolkit", "keras", keras.backend.backend(), "numpy"]
    return {name: importlib.metadata.version(name) for name in names}
