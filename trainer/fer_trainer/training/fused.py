"""Batch norm in one kernel on PyTorch, where Keras computes it operation by operation.

Only in the copy of a network that is trained: what is saved is the preset's own. Keras
3.15 subtracts, squares, divides and multiplies whole activations one after the other in
float32, and remembers each step for the gradient.
"""

from typing import Any

import keras


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # untyped
    """As Keras' own, over the last axis, to the rounding."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise (N, …, C) by its own statistics in training, else by those kept."""
        if inputs.device.type == "meta":  # Keras asks for the shape alone
            return super().call(inputs, training=training, mask=mask)
        import torch

        own = bool(training and self.trainable)
        outputs, mean, inverse = torch.native_batch_norm(
            inputs.movedim(-1, 1),
            self.gamma.value,
            self.beta.value,
            None if own else self.moving_mean.value,
            None if own else self.moving_variance.value,
            own,
            0.0,
            self.epsilon,
        )
        if own:
            with torch.no_grad():
                kept = self.momentum
                variance = inverse.pow(-2) - self.epsilon
                self.moving_mean.value.lerp_(mean, 1 - kept)
                self.moving_variance.value.lerp_(variance, 1 - kept)
        return outputs.movedim(1, -1)


def fuse(network: keras.Model) -> None:
    """Have a network's batch norms compute in one kernel, where they can."""
    for layer in network.layers:
        if (
            type(layer) is keras.layers.BatchNormalization
            and layer.axis in (-1, len(layer.output.shape) - 1)
            and layer.scale
            and layer.center
            and not layer.renorm
        ):
            # The layer stays what it is, with its weights and its place.
            layer.__class__ = FusedBatchNormalization
