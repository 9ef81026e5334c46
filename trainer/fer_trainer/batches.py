"""Training faces in shuffled, augmented batches, the same ones for the same seed."""

import keras
import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.preprocess import Pixels
from fer_trainer.augment import Augmentation, augment


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # untyped
    """A Keras dataset of (faces, classes).

    What a batch holds depends on (seed, epoch, index) alone, not on who asked before.

    Args:
        data: the training split.
        batch_size: faces a batch; the last may be smaller.
        augmentation: how faces are changed, or None.
        seed: whole number from 0.
    """

    def __init__(
        self,
        data: FaceSet,
        batch_size: int,
        augmentation: Augmentation | None,
        seed: int,
    ) -> None:
        super().__init__()
        self._data = data
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._seed = seed
        self._epoch = 0
        self._order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self._data) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Pixels, npt.NDArray[np.int64]]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        faces = self._data.faces[chosen]
        if self._augmentation is not None:
            rng = np.random.default_rng([self._seed, self._epoch, 1, index])
            faces = augment(faces, self._augmentation, rng)
        return faces, self._data.classes[chosen]

    def on_epoch_end(self) -> None:
        """Shuffle anew; Keras calls this."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> npt.NDArray[np.int64]:
        rng = np.random.default_rng([self._seed, self._epoch, 0])
        return rng.permutation(len(self._data))
