"""TensorFlow and Keras, started quietly."""

import contextlib
import importlib.metadata
import io
import logging
import os
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from fer_contract.quiet import native_messages_to_log


def start_tensorflow() -> tuple[ModuleType, Any]:
    """Import Keras on TensorFlow, and TensorFlow; takes seconds the first time."""
    # TFLite comes out of TensorFlow, whatever backend the model was trained with.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with native_messages_to_log():
        import keras
        import tensorflow

        keras.ops.zeros((1,))
    return keras, tensorflow


def versions() -> dict[str, str]:
    """Return the versions that a conversion depends on, by distribution name."""
    names = ("fer-edge-toolkit", "tensorflow", "keras", "ai-edge-litert", "numpy")
    return {name: importlib.metadata.version(name) for name in names}


@contextlib.contextmanager
def _only_errors_of(*libraries: str) -> Iterator[None]:
    """Let these log nothing below an error, such as what the converter would rather."""
    loggers = [logging.getLogger(name) for name in libraries]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Keep the conversion's progress prints and known warnings off the terminal."""
    with (
        native_messages_to_log(),
        _only_errors_of("tensorflow", "absl"),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        # It says that the input's range comes from calibration; a rule looks at it.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        yield
