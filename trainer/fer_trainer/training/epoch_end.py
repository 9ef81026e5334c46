"""What happens between two epochs: judge, record, decide, save."""

import csv
import io
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError
from fer_trainer.distributed.distribution import Distribution
from fer_trainer.plan import Plan
from fer_trainer.recipes import Monitor, Schedule
from fer_trainer.training.checkpoint import Checkpoint
from fer_trainer.training.judge import Judge
from fer_trainer.training.run_directory import CHECKPOINT, HISTORY, TENSORBOARD
from fer_trainer.training.schedules import epochs_without_gain, plateau_rate

Decision = dict[str, Any]
"""``stop``, and the learning ``rate`` of the next epoch or None."""


class Follower(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Does as the chief decides, on the other hosts.

    Args:
        distribution: from whom decisions are heard.
    """

    def __init__(self, distribution: Distribution) -> None:
        super().__init__()
        self._distribution = distribution

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        """Hear what comes next."""
        follow(self.model, self._distribution.agree(None))


def follow(model: keras.Model, decision: Decision) -> None:
    """Set the next epoch's learning rate, or end the training."""
    if decision["rate"] is not None:
        model.optimizer.learning_rate = decision["rate"]
    model.stop_training = decision["stop"]


class EpochEnd(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Keeps the checkpoint, the history and TensorBoard's events.

    Keras' own callbacks forget what they waited for when a training is taken up
    again, and save over the last good file; hence one of ours.

    Of several hosts the chief alone does this, and tells the others what it decides.

    Args:
        plan: whose schedule, monitor and patience count.
        checkpoint: where the training stands; changed at each epoch's end.
        judge: measures the weights on validation.
        out: run directory.
        distribution: to whom decisions are told.
        after_epoch: told the epoch, from 1, and its figures, when they are saved.
    """

    def __init__(
        self,
        plan: Plan,
        checkpoint: Checkpoint,
        judge: Judge,
        out: Path,
        distribution: Distribution,
        after_epoch: Callable[[int, Mapping[str, float]], None] | None = None,
    ) -> None:
        super().__init__()
        self._distribution = distribution
        self._plan = plan
        self._checkpoint = checkpoint
        self._judge = judge
        self._out = out
        self._after_epoch = after_epoch
        self._board: Any = None
        self._began = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Open TensorBoard's events, those of the epochs before among them."""
        import tensorboard.summary

        self._began = time.monotonic()
        folder = self._out / TENSORBOARD
        # Written anew: an epoch must not be in it twice after a crash.
        for old in folder.glob("*") if folder.is_dir() else ():
            old.unlink()
        output = tensorboard.summary.DirectoryOutput(os.fspath(folder))
        self._board = tensorboard.summary.Writer(output)
        for epoch, row in enumerate(self._checkpoint.history):
            self._show(epoch, row)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Close TensorBoard's events."""
        self._board.close()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Judge the epoch's weights; keep everything; choose what comes next."""
        if not math.isfinite(logs["loss"]):
            raise FerError(
                f"{self._out}: the training loss is {logs['loss']} in epoch "
                f"{epoch + 1}; a smaller --learning-rate may help, with --restart"
            )
        weights = averaged_weights(self.model, self._network_weights())
        with self._distribution.alone():
            if averages(self.model):
                weights = self._judge.settled(weights)
            figures = self._judge.figures(weights)
        # Keras prints this dictionary after us, and what is put in it too.
        logs.update(figures)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        now = self._checkpoint
        now.history.append({"epoch": epoch + 1, "learning_rate": rate} | dict(logs))
        if now.is_best(self._plan.recipe.monitor):
            now.best_epoch, now.best = epoch + 1, weights
        follow(self.model, self._distribution.agree(self._decision()))
        now.state = read_state(self.model)
        now.seconds += time.monotonic() - self._began
        self._began = time.monotonic()
        now.save(self._out / CHECKPOINT)
        write_history(now.history, self._out / HISTORY)
        self._show(epoch, now.history[-1])
        if self._after_epoch is not None:
            self._after_epoch(epoch + 1, now.history[-1])

    def _network_weights(self) -> list[Any]:
        """Return the variables that a saved network has."""
        network: Any = getattr(self.model, "network", self.model)
        return list(network.weights)

    def _decision(self) -> Decision:
        """Decide on the next epoch, if there is to be one."""
        losses = self._checkpoint.column(Monitor.LOSS)
        rate = None
        if self._plan.recipe.schedule == Schedule.PLATEAU:
            rate = plateau_rate(losses, self._plan.learning_rate)
        return {"stop": has_ended(self._checkpoint, self._plan), "rate": rate}

    def _show(self, epoch: int, row: dict[str, float]) -> None:
        for name, value in row.items():
            if name != "epoch":
                self._board.add_scalar(name, np.float32(value), step=epoch + 1)
        self._board.flush()


def has_ended(checkpoint: Checkpoint, plan: Plan) -> bool:
    """Whether there is no further epoch to train."""
    losses = checkpoint.column(Monitor.LOSS) if checkpoint.history else []
    patience = plan.recipe.early_stopping
    return len(losses) >= plan.epochs or (
        patience > 0 and epochs_without_gain(losses) >= patience
    )


def read_state(model: keras.Model) -> list[npt.NDArray[Any]]:
    """Return every variable of a compiled model and its optimizer."""
    return [keras.ops.convert_to_numpy(variable) for variable in _state(model)]


def write_state(model: keras.Model, arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Set every variable of a compiled model and its optimizer.

    Raises:
        FerError: the arrays are of another network.
    """
    variables = _state(model)
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in arrays]:
        raise FerError(
            f"{CHECKPOINT}: of another network or another version of Keras; "
            "--restart trains from the beginning"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _state(model: keras.Model) -> list[Any]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def averaged_weights(
    model: keras.Model, weights: Sequence[Any]
) -> list[npt.NDArray[Any]]:
    """Return a network's weights, the trainable ones averaged if that is done.

    Args:
        model: compiled; its optimizer keeps the averages.
        weights: variables of the network, in its own order.
    """
    kept = {}
    if averages(model):
        kept = {
            id(variable): average
            for variable, average in zip(
                model.trainable_variables,
                _plain(model.optimizer)._model_variables_moving_average,
                strict=True,
            )
        }
    return [
        keras.ops.convert_to_numpy(kept.get(id(variable), variable))
        for variable in weights
    ]


def averages(model: keras.Model) -> bool:
    """Whether the optimizer of a compiled model averages its weights."""
    return bool(_plain(model.optimizer).use_ema)


def _plain(optimizer: Any) -> Any:
    """Return the optimizer that has the settings: one that scales the loss has none."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def write_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Write the figures of all epochs as CSV, whole or not at all."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(history)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text.getvalue())
    unfinished.replace(path)
