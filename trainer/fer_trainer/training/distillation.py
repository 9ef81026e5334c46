"""A network that learns from larger ones, its teachers, as well as from targets.

Source: Hinton et al. 2015, arXiv 1503.02531. The teachers see the very face that the
student sees, augmented and blended: what they say of the face as stored is no answer
to that one (Beyer et al. 2021, arXiv 2106.05237).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import ops

from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest
from fer_trainer.presets import find_preset


class Student(keras.Model):  # type: ignore[misc]  # untyped
    """A network in training, with teachers.

    Args:
        network: faces -> probabilities (B, C).
        teachers: likewise; what the student is held against is their mean.
        share: of the teachers in the loss, 0 to 1.
        temperature: of both where they are compared, from 1.
    """

    def __init__(
        self,
        network: keras.Model,
        teachers: Sequence[keras.Model],
        share: float,
        temperature: float,
    ) -> None:
        super().__init__()
        self.network = network
        self._share = share
        self._temperature = temperature

        # A function: Keras would take models in an attribute for parts of this one,
        # train them and save them.
        def ask(faces: Any) -> Any:
            # Not about their mirror images, too: most of a step is the teachers', and
            # a recipe that flips shows them all the same, in another epoch.
            answers = sum(teacher(faces, training=False) for teacher in teachers)
            return ops.stop_gradient(answers / len(teachers))

        self._ask = ask

    def call(self, faces: Any, training: bool | None = None) -> Any:
        """Answer as the network does."""
        return self.network(faces, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mix the loss against targets with the cross-entropy against the teachers."""
        own = super().compute_loss(x, y, y_pred, sample_weight, training)
        wanted = self._soften(ops.cast(self._ask(x), "float32"))
        given = self._soften(ops.cast(y_pred, "float32"))
        surprise = -ops.sum(wanted * ops.log(given), axis=-1)  # (B,)
        if sample_weight is not None:
            surprise = surprise * ops.cast(sample_weight, "float32")
        # Squared, so that the gradient is as large at any temperature (section 2.1).
        taught = self._temperature**2 * ops.mean(surprise)
        return (1 - self._share) * own + self._share * taught

    def _soften(self, probabilities: Any) -> Any:
        """Return the softmax of logits / temperature, from probabilities (B, C)."""
        logarithms = ops.log(ops.clip(probabilities, 1e-7, 1.0)) / self._temperature
        return ops.clip(ops.softmax(logarithms, axis=-1), 1e-7, 1.0)


def load_teachers(runs: Sequence[Path]) -> list[keras.Model]:
    """Load the models of finished runs, which ``check_teachers`` has seen.

    They compute as the policy in force says: a teacher is saved in float32, but where
    the student computes in 16 bits it need not be slower than that.

    Raises:
        FerError: a run whose preset has changed since, so that it cannot be rebuilt.
    """
    models = []
    for run in runs:
        model = keras.saving.load_model(run / RunManifest.MODEL, compile=False)
        if keras.config.dtype_policy().name != "float32":
            model = _rebuilt(run, model)
        model.trainable = False
        models.append(model)
    return models


def _rebuilt(run: Path, saved: keras.Model) -> keras.Model:
    manifest = read_manifest(run, RunManifest)
    model = find_preset(manifest.preset).build(manifest.input, len(manifest.labels))
    try:
        model.set_weights(saved.get_weights())
    except ValueError as mistake:
        raise FerError(
            f"--teacher: {run}: the preset {manifest.preset} is another network now; "
            "without --mixed-precision the run is used as it was saved"
        ) from mistake
    return model
