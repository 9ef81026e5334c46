"""Fewer filters in place of many: which stay, and what makes up for the others.

Of a network of separable convolutions: each filter of a pointwise convolution is one
channel of the depthwise one behind it, and so one input of the next pointwise one. Kept
are those of which the next layer's outputs can be made best, by linear regression on
some faces, from the last layer back to the first; then, from the first layer on, each
pointwise kernel is fitted anew to what the larger network gives, with what the smaller
one has before it (He et al. 2017, arXiv 1707.06168). No gradient and no label is
needed, so that any backend of Keras will do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fer_trainer.presets.preset import Faces

if TYPE_CHECKING:
    import keras

Rows = npt.NDArray[np.float64]
"""Observations (N, channels)."""
Chosen = npt.NDArray[np.intp]
"""Which channels are kept, rising."""

_BATCH = 128
_PLACES = 16
"""Of each face's maps, drawn at random: neighbours tell much the same."""
_RIDGE = 1e-3
"""Share of the mean variance that is added to each: what few faces show is noise."""
_HARDLY = 1e-9
"""Where there is no noise, but pixels that are much alike."""


def choose(inputs: Rows, outputs: Rows, count: int) -> Chosen:
    """Return which inputs to keep, so that outputs can be made of them.

    One at a time that input goes whose loss costs least, the others making up for it
    (Hassibi and Stork 1992, "Second order derivatives for network pruning").

    Args:
        inputs: (N, C).
        outputs: (N, M), each as large as it is important.
        count: of those that are kept.
    """
    centred = inputs - inputs.mean(0)
    inverse = np.linalg.inv(_ridged(centred))
    weights = inverse @ (centred.T @ (outputs - outputs.mean(0)))  # (C, M)
    kept = np.arange(inputs.shape[1])
    while len(kept) > count:
        cost = (weights**2).sum(1) / np.diag(inverse)
        least = int(cost.argmin())
        others = np.arange(len(kept)) != least
        share = inverse[:, least] / inverse[least, least]
        weights = (weights - np.outer(share, weights[least]))[others]
        inverse = inverse - np.outer(share, inverse[least])
        inverse, kept = inverse[np.ix_(others, others)], kept[others]
    return kept


def fit(
    inputs: Rows, outputs: Rows, dropout: float = 0.0, ridge: float = _RIDGE
) -> tuple[Rows, Rows]:
    """Return kernel (C, M) and bias (M,) that make outputs (N, M) of inputs (N, C).

    Args:
        inputs: seen.
        outputs: wanted.
        dropout: share of the inputs that will be missed at random: without it the
            kernel's parts are large and make up for each other, and what is missed
            leaves nonsense (Wager et al. 2013, arXiv 1307.1493, section 2).
        ridge: share of the inputs' mean variance that is added to each.
    """
    mean, wanted = inputs.mean(0), outputs.mean(0)
    centred = inputs - mean
    products = _ridged(centred, ridge)
    products += np.diag((inputs**2).sum(0) * dropout / (1 - dropout))
    kernel = np.linalg.solve(products, centred.T @ (outputs - wanted))
    return kernel, wanted - mean @ kernel


def _ridged(centred: Rows, share: float = _RIDGE) -> Rows:
    """Return the inputs' products (C, C), and on the diagonal a little more."""
    products: Rows = centred.T @ centred
    # Of inputs that never vary, nothing is made, and any ridge will do.
    ridge = share * products.trace() / len(products) or 1.0
    return products + ridge * np.eye(len(products))


@dataclass(frozen=True, slots=True)
class Normed:
    """A convolution and the batch norm behind it."""

    layer: Any
    norm: Any

    def behind(self) -> Any:
        """Return how many times larger a filter's output is behind the batch norm."""
        gamma, _, _, variance = self.norm.get_weights()
        return gamma / np.sqrt(variance + self.norm.epsilon)

    def take(self, kernel: Any, source: "Normed", kept: Chosen) -> None:
        """Take a kernel, and a batch norm's channels."""
        self.layer.set_weights([kernel])
        self.norm.set_weights([array[kept] for array in source.norm.get_weights()])

    def shift(self, less: Any) -> None:
        """Take something away from what the batch norm takes for the mean."""
        gamma, beta, mean, variance = self.norm.get_weights()
        self.norm.set_weights([gamma, beta, mean - less, variance])


def normed_convolutions(model: "keras.Model") -> list[Normed]:
    """Return the convolutions of a network without branches, in order."""
    from keras import layers

    found, last = [], None
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            last = layer
        elif isinstance(layer, layers.BatchNormalization):
            found.append(Normed(last, layer))
    return found


def outputs_of(network: "keras.Model", faces: Faces) -> Iterator[npt.NDArray[Any]]:
    """Yield what a network makes of faces, batch by batch.

    Not by ``predict``: where there are several devices it would share each batch among
    them, and the last one cannot be.
    """
    from keras import ops

    for start in range(0, len(faces), _BATCH):
        batch = faces[start : start + _BATCH].astype(np.float32)
        answers = network(ops.convert_to_tensor(batch), training=False)
        yield ops.convert_to_numpy(answers)


class Pruning:
    """Of a large network of separable convolutions into a small one.

    Both begin with a plain convolution and end with a dropout and a dense layer, of the
    features' mean; their maps are of the same size, block by block.

    Args:
        large: grey pixels 0-255 -> probabilities.
        small: likewise, with fewer filters and no more blocks.
        blocks: for each of the small network's, the large one's whose inputs it gets,
            and the one whose outputs it is to give; from 0. They differ where blocks
            are left out.
        faces: to measure on.
        answers: what the small network is to say of them, probabilities (N, classes).
    """

    def __init__(
        self,
        large: "keras.Model",
        small: "keras.Model",
        blocks: Sequence[tuple[int, int]],
        faces: Faces,
        answers: npt.NDArray[Any],
    ) -> None:
        self._large, self._small = large, small
        first, *others = normed_convolutions(large)
        self._first, self._depthwise = first, others[::2]
        self._pointwise = others[1::2]
        self._blocks = blocks
        self._faces = faces
        logarithms = np.log(np.clip(answers.astype(np.float64), 1e-6, 1.0))
        self._logits = logarithms - logarithms.mean(1, keepdims=True)

    def fill(self) -> None:
        """Fill the small network."""
        first, *others = normed_convolutions(self._small)
        kept, *rest = self._choose([first, *others[1::2]])
        self._take_first(first, kept)
        for (entry, end), depthwise, pointwise, outputs in zip(
            self._blocks, others[::2], others[1::2], rest, strict=True
        ):
            source = self._depthwise[entry]
            depthwise.take(source.layer.get_weights()[0][:, :, kept], source, kept)
            wanted = self._pointwise[end]
            kernel, bias = fit(
                self._rows(self._small, pointwise.layer.input),
                self._rows(self._large, wanted.layer.output)[:, outputs],
            )
            pointwise.take(kernel[None, None], wanted, outputs)
            pointwise.shift(bias)
            kept = outputs
        *_, dropout, last = self._small.layers
        features = self._rows(self._small, dropout.input)
        last.set_weights(fit(features, self._logits, dropout.rate))

    def _choose(self, layers: Sequence[Normed]) -> list[Chosen]:
        """Return which filters of the large network each of the small one's gets."""
        counts = [each.layer.filters for each in layers]
        features = self._rows(self._large, self._large.layers[-1].input)
        chosen = [choose(features, self._logits, counts.pop())]
        for entry, end in reversed(self._blocks):
            wanted = self._pointwise[end]
            outputs = self._rows(self._large, wanted.layer.output) * wanted.behind()
            inputs = self._rows(self._large, self._pointwise[entry].layer.input)
            chosen.append(choose(inputs, outputs[:, chosen[-1]], counts.pop()))
        return chosen[::-1]

    def _take_first(self, first: Normed, kept: Chosen) -> None:
        """Have the convolution that sees the face give what the large one's gives.

        That one sees three channels, each less a mean of its own, perhaps enlarged, and
        in larger steps: as long as no window is larger, it is a kernel of this one's.
        """
        from keras import ops

        layer = first.layer
        # (H, W, 9), in the order of a kernel's rows and columns.
        windows = ops.image.extract_patches(
            layer.input, layer.kernel_size, layer.strides, padding=layer.padding
        )
        inside = (slice(None), slice(1, -1), slice(1, -1))  # the border is another
        kernel, bias = fit(
            self._rows(self._small, windows[inside]),
            self._rows(self._large, self._first.layer.output[inside])[:, kept],
            ridge=_HARDLY,
        )
        first.take(kernel.reshape(*layer.kernel_size, 1, -1), self._first, kept)
        first.shift(bias)

    def _rows(self, network: "keras.Model", tensor: Any) -> Rows:
        """Return what a layer gives, of maps at some places; the same for any layer."""
        import keras

        probe = keras.Model(network.input, tensor)
        draw = np.random.default_rng(0)
        parts = []
        for rows in outputs_of(probe, self._faces):
            faces = len(rows)
            if rows.ndim == 4:
                rows = rows.reshape(-1, rows.shape[-1])
                few = min(len(rows), _PLACES * faces)
                rows = rows[draw.choice(len(rows), few, replace=False)]
            parts.append(rows.astype(np.float64))
        return np.concatenate(parts)
