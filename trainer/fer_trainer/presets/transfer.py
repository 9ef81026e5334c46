"""Backbones of keras.applications under a grey input and a head of ours.

The graph is flat: no network within the network, so that every layer is converted and
counted as any other. The one grey channel is repeated three times inside it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_contract.errors import FerError, first_line
from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Faces, Preset
from fer_trainer.presets.stored import is_whole, stored_weights

if TYPE_CHECKING:
    import keras

IMAGENET = "imagenet"

Head = Callable[[Any], Any]
"""Layers from a backbone's features to what the last dense layer sees."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network of keras.applications, without its head."""

    preset: str
    """Whose it is: the name of that."""
    application: str
    """Its name in ``keras.applications``."""
    normalise: Callable[[Any], Any]
    """Layers from RGB 0-255 to what it was trained on."""
    last_layer: str | None = None
    """Where it is cut; at its end if None."""
    trainable_layers: int = 0
    """So many of its last layers are trained, the others are frozen."""

    def build(self, spec: InputSpec) -> "tuple[keras.KerasTensor, keras.KerasTensor]":
        """Build it with fresh weights; return its grey input and its features.

        Raises:
            FerError: faces too small for it.
        """
        import keras
        from keras import layers

        least = 32
        if min(spec.height, spec.width) < least:
            raise FerError(
                f"--image-size: {spec.width}; {self.preset} takes {least} and more"
            )
        inputs = keras.Input(spec.shape)
        colour = layers.Concatenate()([inputs, inputs, inputs])  # (H, W, 3), all grey
        whole = self._application()(
            include_top=False,
            weights=None,
            input_tensor=self.normalise(colour),
            input_shape=(*spec.shape[:2], 3),
        )
        features = whole.output
        if self.last_layer is not None:
            features = whole.get_layer(self.last_layer).output
        _fix_normalization(whole)
        frozen = len(whole.layers) - self.trainable_layers
        for layer in whole.layers[:frozen]:
            # Batch norm too: frozen, it keeps to the statistics that it has.
            layer.trainable = False
        return inputs, features

    def load(self, model: "keras.Model", source: str, faces: Faces) -> None:
        """Fill a built model's backbone with pretrained weights.

        Args:
            model: of the preset.
            source: ``imagenet``, which Keras fetches or has fetched before, the path
                of the file that it would fetch, or what ``stored_weights`` takes, which
                fills the head, too.
            faces: of no use here.

        Raises:
            ManifestError, DigestError: a run is unfinished or damaged.
            FerError: the file cannot be fetched, is missing, or of another network.
        """
        if is_whole(source):
            stored_weights(self.preset)(model, source, faces)
            return
        donor = self._fetched() if source == IMAGENET else self._read(Path(source))
        theirs = {layer.name: layer for layer in donor.layers if layer.weights}
        filled = 0
        for layer in model.layers:
            if layer.name in theirs and not _is_normalization(layer):
                layer.set_weights(theirs[layer.name].get_weights())
                filled += 1
        if not filled:
            raise FerError(f"--weights: {source}; nothing in it is of {self.preset}")

    def _application(self) -> Any:
        import keras

        return getattr(keras.applications, self.application)

    def _fetched(self) -> Any:
        # Keras raises a bare Exception, with the address in it.
        try:
            return self._application()(include_top=False, weights=IMAGENET)
        except Exception as failure:
            reason = first_line(failure)
            address = next(
                (
                    word.rstrip(":.,")
                    for word in reason.split()
                    if word.startswith("http")
                ),
                None,
            )
            if address is None:
                raise
            raise FerError(
                f"--weights: {IMAGENET}; the file for {self.preset} cannot be fetched "
                f"({reason.rpartition('-- ')[2] or 'no network'}); where there is a "
                f"network: curl -LO {address}, and then here: "
                f"--weights {address.rpartition('/')[2]}"
            ) from failure

    def _read(self, path: Path) -> Any:
        if not path.is_file():
            raise FerError(
                f"--weights: {path}; no such file; {IMAGENET} has Keras fetch one"
            )
        donor = self._application()(include_top=False, weights=None)
        try:
            # Keras only warns of layers that it finds no weights for.
            with warnings.catch_warnings(action="error", category=UserWarning):
                donor.load_weights(path)
        except (OSError, ValueError, KeyError, TypeError, UserWarning) as mistake:
            raise FerError(
                f"--weights: {path}; no weights of {self.application} without its top "
                f"({first_line(mistake)})"
            ) from mistake
        return donor


def transfer_preset(
    backbone: Backbone, head: Head, summary: str, learning_rate: float = 1e-3
) -> Preset:
    """Return a preset: a backbone, a head, and one dense layer; trained as the study's.

    Args:
        backbone: whose preset it is.
        head: what the study put on it.
        summary: as ``Preset`` has it.
        learning_rate: likewise.
    """

    def graph(spec: InputSpec, classes: int) -> "keras.Model":
        import keras
        from keras import layers

        inputs, features = backbone.build(spec)
        # Before the last layer is made: layers draw their weights, and have their
        # numbers, in the order in which they are made.
        x = head(features)
        outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
        return keras.Model(inputs, outputs, name=backbone.preset.replace("-", "_"))

    return Preset(
        name=backbone.preset,
        summary=summary,
        graph=graph,
        epochs=20,
        learning_rate=learning_rate,
        batch_size=32,
        load_pretrained=backbone.load,
    )


def _is_normalization(layer: Any) -> bool:
    from keras import layers

    return isinstance(layer, layers.Normalization)


def _fix_normalization(whole: "keras.Model") -> None:
    """Give EfficientNetB0's input layer its constants, whatever weights come.

    Keras leaves it without effect until ImageNet's weights are loaded, and then puts
    one more layer behind it, since its file has the deviation where the variance
    belongs. Constants of the layer would not follow ``set_weights`` either.
    """
    import numpy as np

    mean = np.array([0.485, 0.456, 0.406])
    deviation = np.array([0.229, 0.224, 0.225])
    for layer in whole.layers:
        if _is_normalization(layer) and layer.weights:
            layer.set_weights([mean, deviation**2, np.zeros(())])
            layer.finalize_state()


def caffe(x: Any) -> Any:
    """VGG16's and ResNet's: blue, green, red, less ImageNet's means; no scaling.

    The three channels are one grey, so that their order is that of the means alone.
    """
    from keras import layers

    return layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(x)


def minus_one_to_one(x: Any) -> Any:
    """ResNetV2's."""
    from keras import layers

    return layers.Rescaling(1 / 127.5, offset=-1)(x)


def inside(x: Any) -> Any:
    """EfficientNet's: none, since it rescales 0-255 itself.

    The study divided by 255 before it, and stayed at chance.
    """
    return x
