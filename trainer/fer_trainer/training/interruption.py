"""Ctrl-C ends a training between two batches, not in the middle of one.

An exception that a signal raises within TensorFlow 2.21's own Python code leaves
native memory in disorder: one interruption of twenty ended with "free(): invalid next
size" and a dump of core instead of one line.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import keras


class BetweenBatches(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Raises at the end of a batch what a signal would have raised within it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hold interruptions back until a batch ends; a second one does not wait."""
        usual = signal.getsignal(signal.SIGINT)
        here = threading.current_thread() is threading.main_thread()
        if not (here and callable(usual)):
            yield  # deaf to it, as a shell's background job is, or not ours to set
            return

        def hold_back(number: int, frame: FrameType | None) -> None:
            if self._waiting:
                usual(number, frame)
            self._waiting = True

        signal.signal(signal.SIGINT, hold_back)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """End the training if that was asked for."""
        if self._waiting:
            raise KeyboardInterrupt
