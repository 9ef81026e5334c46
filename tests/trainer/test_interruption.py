"""Ctrl-C ends a training between two batches."""

import os
import signal
from collections.abc import Iterator

import pytest

from fer_trainer.backend import start_keras


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Ctrl-C raises, as in a terminal, whatever the tests were started by."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_in_the_middle_of_a_batch() -> None:
    """Nothing happens until the batch ends; a batch before it ends as ever."""
    start_keras()
    from fer_trainer.training.interruption import BetweenBatches

    between = BetweenBatches()
    with between.listening():
        between.on_train_batch_end(0)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            between.on_train_batch_end(1)


def test_a_second_time() -> None:
    """It does not wait: the batch may never end."""
    start_keras()
    from fer_trainer.training.interruption import BetweenBatches

    with BetweenBatches().listening():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_behind_the_training() -> None:
    """Ctrl-C is again what it was."""
    start_keras()
    from fer_trainer.training.interruption import BetweenBatches

    with BetweenBatches().listening():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_it_is_ignored() -> None:
    """As a shell's background job is deaf to it, so is the training."""
    start_keras()
    from fer_trainer.training.interruption import BetweenBatches

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with BetweenBatches().listening():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
