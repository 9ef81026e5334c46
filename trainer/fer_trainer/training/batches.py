"""Training faces in shuffled, augmented batches, the same ones for the same seed."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.preprocess import Pixels
from fer_trainer.augment import augment
from fer_trainer.recipes import Augmentation
from fer_trainer.training.targets import Targets

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mixing:
    """What is done to whole batches."""

    augmentation: Augmentation | None = None
    """How faces are changed."""
    mixup: float = 0.0
    """Parameter of the beta distribution by which two faces are blended; 0 never."""
    oversample: bool = False
    """Show every class as often as the largest one."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # untyped
    """A Keras dataset of (faces, targets, weights).

    Faces are uint8 (B, H, W, 1), targets float32 (B, C), weights float32 (B,). What a
    batch holds depends on (seed, epoch, index) alone, not on who asked before.

    Args:
        data: the training split.
        targets: float32 (N, C).
        weights: float32 (N,).
        batch_size: faces a batch; the last may be smaller.
        mixing: augmentation, mixup, oversampling.
        seed: whole number from 0.
        epoch: to begin with, from 0.
    """

    def __init__(
        self,
        data: FaceSet,
        targets: Targets,
        weights: Targets,
        *,
        batch_size: int,
        mixing: Mixing,
        seed: int,
        epoch: int = 0,
    ) -> None:
        super().__init__()
        self._data = data
        self._targets = targets
        self._weights = weights
        self._batch_size = batch_size
        self._mixing = mixing
        self._seed = seed
        self._epoch = epoch
        self._order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Pixels, Targets, Targets]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        faces = self._data.faces[chosen]
        targets, weights = self._targets[chosen], self._weights[chosen]
        rng = np.random.default_rng([self._seed, self._epoch, 1, index])
        if self._mixing.augmentation is not None:
            faces = augment(faces, self._mixing.augmentation, rng)
        if self._mixing.mixup:
            faces, targets, weights = self._blend(faces, targets, weights, rng)
        return faces, targets, weights

    def on_epoch_end(self) -> None:
        """Shuffle anew; Keras calls this."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> Indices:
        rng = np.random.default_rng([self._seed, self._epoch, 0])
        if not self._mixing.oversample:
            return rng.permutation(len(self._data))
        classes = self._data.classes
        most = int(np.bincount(classes).max())
        # Every face of a class once before any of them again.
        shown = [
            np.resize(rng.permutation(np.flatnonzero(classes == index)), most)
            for index in range(len(self._data.labels))
        ]
        return rng.permutation(np.concatenate(shown))

    def _blend(
        self,
        faces: Pixels,
        targets: Targets,
        weights: Targets,
        rng: np.random.Generator,
    ) -> tuple[Pixels, Targets, Targets]:
        """Blend each face with another of its batch, and what is wanted of them."""
        partner = rng.permutation(len(faces))
        share = rng.beta(self._mixing.mixup, self._mixing.mixup, (len(faces), 1))
        share = share.astype(np.float32)
        pixels = share[..., np.newaxis, np.newaxis]
        blended = np.rint(pixels * faces + (1 - pixels) * faces[partner])
        wanted = share * targets + (1 - share) * targets[partner]
        counts = share[:, 0] * weights + (1 - share[:, 0]) * weights[partner]
        return (
            blended.astype(np.uint8),
            wanted.astype(np.float32, copy=False),
            counts.astype(np.float32, copy=False),
        )
