"""Judges a network in training on the validation faces, as it would be saved."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_contract.metrics import confusion_matrix, log_loss, macro_f1
from fer_trainer.evaluation.majority import majority
from fer_trainer.material import Material
from fer_trainer.recipes import Monitor
from fer_trainer.training.statistics import measure_statistics, sample_of

_BATCH = 512


class Judge:
    """A second copy of the network, in float32, that holds the weights to be judged.

    The copy in training may compute in 16 bits, lie on several devices, and have
    weights that are yet to be averaged.

    Args:
        network: built as the one in training, outside of its distribution.
        material: its validation faces, and votes, are what is judged on; statistics of
            averaged weights are measured on its training faces.
    """

    def __init__(self, network: keras.Model, material: Material) -> None:
        self._network = network
        self._faces = material.validation
        self._sample = sample_of(material.train.faces)
        self._majority = None
        if material.votes is not None:
            self._majority = majority(material.votes, material.validation)

    def settled(self, averaged: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Return averaged weights with the statistics of batch norm that fit them."""
        self._network.set_weights(averaged)
        measure_statistics(self._network, self._sample)
        weights: list[npt.NDArray[Any]] = self._network.get_weights()
        return weights

    def figures(self, weights: Sequence[npt.NDArray[Any]]) -> dict[str, float]:
        """Return loss, accuracy and macro-F1 on validation with these weights."""
        self._network.set_weights(weights)
        probabilities = self._network.predict(
            self._faces.faces, batch_size=_BATCH, verbose=0
        )  # (N, C)
        predicted = np.argmax(probabilities, axis=1)
        truth = self._faces.classes
        matrix = confusion_matrix(truth, predicted, len(self._faces.labels))
        figures = {
            Monitor.ACCURACY.value: float((predicted == truth).mean()),
            Monitor.LOSS.value: log_loss(probabilities, truth),
            "val_macro_f1": macro_f1(matrix),
        }
        if self._majority is not None:
            clear = self._majority >= 0
            agrees = predicted[clear] == self._majority[clear]
            by_votes = float(agrees.mean())
            figures[Monitor.VOTES_ACCURACY.value] = by_votes
            figures[Monitor.BOTH_ACCURACY.value] = (
                figures[Monitor.ACCURACY.value] + by_votes
            ) / 2
        return figures
