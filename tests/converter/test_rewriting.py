"""Rewrites of the graph: the same function in float, a better one in 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from converter_models import softmax_model
from fer_contract.preprocess import Pixels
from fer_contract.tflite import TfliteClassifier
from fer_converter.backend import start_tensorflow, without_chatter
from fer_converter.freezing import freeze
from fer_converter.interpreters import FloatTflite, probabilities
from fer_converter.quantize import Kind, to_tflite
from fer_converter.rewriting import rewrite
from fer_converter.sources import Asked, FloatModel, open_model
from fer_converter.tflite_file import parse_tflite

LABELS = ("happy", "sad", "calm")

_LOUD = 20.0
"""Batch norm divides by as much, and by next to nothing where a unit is dead."""


def study_like(path: Path, *, slope: float = 0.1, lively: bool = True) -> FloatModel:
    """Conv, ReLU, batch norm, LeakyReLU, and dense, ReLU, batch norm: as the study.

    ``lively``: no unit is dead. Else a third of them is, with the huge factor that
    batch norm then has.
    """
    keras, _ = start_tensorflow()
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(4)

    def normalise(x: Any) -> Any:
        layer = keras.layers.BatchNormalization()
        out = layer(x)
        units = x.shape[-1]
        # Gamma of both signs; beta; what it has seen.
        gamma, beta = rng.uniform(0.5, 2, units), rng.normal(size=units)
        gamma[::3] *= -1
        variance = rng.uniform(0.05, 1, units)
        if not lively:
            variance *= _LOUD**2
            variance[1::3] = 1e-8
        layer.set_weights([gamma, beta, np.zeros(units), variance])
        return out

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    convolution = keras.layers.Conv2D(9, 2, padding="same", activation="relu")
    x = normalise(convolution(x))
    x = keras.layers.LeakyReLU(negative_slope=slope)(x)
    x = keras.layers.MaxPooling2D()(x)
    dense = keras.layers.Dense(12, activation="relu")
    x = normalise(dense(keras.layers.Flatten()(x)))
    model = softmax_model(inputs, keras.layers.Dropout(0.5)(x))
    if not lively:
        for layer in (convolution, dense):
            kernel, bias = layer.get_weights()
            kernel *= _LOUD
            kernel[..., 1::3], bias[1::3] = 0, -1e-3
            layer.set_weights([kernel, bias])
    judge = model.get_layer("judge")
    judge.set_weights([0.3 * part for part in judge.get_weights()])
    model.save(path)
    return open_model(path, Asked(labels=LABELS))


def operators(content: bytes) -> list[str]:
    return [op.name for op in parse_tflite(content, Path("model.tflite")).operators]


def leaky_graph(slope: float) -> tuple[Any, Any]:
    """A frozen graph of a LeakyReLU alone, and its function."""
    _, tf = start_tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    call = tf.function(lambda x: tf.nn.leaky_relu(x, slope))
    traced = call.get_concrete_function(tf.TensorSpec((100,), tf.float32))
    return convert_variables_to_constants_v2(traced), tf


def run_graph(definition: Any, frozen: Any, x: npt.NDArray[np.float32]) -> Any:
    _, tf = start_tensorflow()
    imported = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(definition, name=""), []
    )
    pruned = imported.prune(frozen.inputs[0].name, frozen.outputs[0].name)
    return pruned(tf.constant(x)).numpy()


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.3, 1.0, 2.5])
def test_leaky_relu_to_the_last_bit(slope: float) -> None:
    """Of small and large values, zero, and both signs."""
    frozen, _ = leaky_graph(slope)
    definition = frozen.graph.as_graph_def()
    values = np.random.default_rng(0).normal(size=100) * np.logspace(-6, 6, 100)
    x = np.append(values[:-1], 0).astype(np.float32)
    rewritten = rewrite(frozen.graph)
    assert "LeakyRelu" in {node.op for node in definition.node}
    assert "LeakyRelu" not in {node.op for node in rewritten.node}
    expected = np.where(x > 0, x, np.float32(slope) * x)
    assert np.array_equal(run_graph(rewritten, frozen, x), expected)


def test_a_slope_below_zero_is_left_alone() -> None:
    """The rewrite would be wrong there."""
    frozen, _ = leaky_graph(-0.5)
    rewritten = rewrite(frozen.graph)
    assert "LeakyRelu" in {node.op for node in rewritten.node}


@pytest.mark.parametrize("slope", [0.1, 0.9])
@pytest.mark.parametrize("lively", [True, False], ids=["lively", "dead units"])
def test_scores_in_float(
    tmp_path: Path, noise: Pixels, slope: float, lively: bool
) -> None:
    """TFLite float32 of the rewritten graph gives those of Keras, to 1e-5."""
    model = study_like(tmp_path / "study.keras", slope=slope, lively=lively)
    content = to_tflite(freeze(model), Kind.FLOAT32)
    scores = probabilities(FloatTflite(content), noise)
    np.testing.assert_allclose(scores, model.probabilities(noise), atol=1e-5)
    assert scores.std(axis=0).max() > 0.005  # it does not answer all alike


def own_graph(build: Any, side: int = 8) -> tuple[Any, Any]:
    """A frozen graph of pictures (1, side, side, 4), and its function."""
    _, tf = start_tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    spec = tf.TensorSpec((1, side, side, 4), tf.float32)
    frozen = convert_variables_to_constants_v2(
        tf.function(build).get_concrete_function(spec)
    )
    return frozen, tf


@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_layer_of_ones_own_before_leaky_relu(stride: int) -> None:
    """Whatever its stride, what comes out is the same."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(1, 1, 4, 1)).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    x = rng.normal(size=(1, 8, 8, 4)).astype(np.float32)

    def build(pixels: Any) -> Any:
        step = [1, stride, stride, 1]
        y = tf.nn.depthwise_conv2d(pixels, kernel, step, "VALID")
        return tf.nn.leaky_relu(tf.nn.bias_add(y, bias), 0.1)

    _, tf = start_tensorflow()
    frozen, _ = own_graph(build)
    rewritten = rewrite(frozen.graph)
    assert "LeakyRelu" not in {node.op for node in rewritten.node}
    np.testing.assert_allclose(
        run_graph(rewritten, frozen, x), build(tf.constant(x)).numpy(), atol=1e-6
    )


def test_a_graph_of_16_bits_is_left_alone() -> None:
    """The rewrites compute in float32."""
    _, tf = start_tensorflow()
    frozen, _ = own_graph(
        lambda x: tf.cast(tf.nn.leaky_relu(tf.cast(x, tf.float16)), tf.float32)
    )
    rewritten = rewrite(frozen.graph)
    assert "LeakyRelu" in {node.op for node in rewritten.node}
    x = np.zeros((1, 8, 8, 4), np.float32)
    assert run_graph(rewritten, frozen, x).shape == x.shape


def test_nothing_is_left_that_quantizes_badly(tmp_path: Path) -> None:
    """No LeakyReLU, and no product with a factor a channel."""
    model = study_like(tmp_path / "study.keras")
    names = operators(to_tflite(freeze(model), Kind.FLOAT32))
    assert {"LEAKY_RELU", "PRELU", "MUL", "MAXIMUM"}.isdisjoint(names)
    assert names.count("DEPTHWISE_CONV_2D") >= 2


def test_dead_units_cost_no_precision(tmp_path: Path, noise: Pixels) -> None:
    """Int8 of the rewritten graph is near to float; that of the plain one is not."""
    model = study_like(tmp_path / "study.keras", lively=False)
    wanted = model.probabilities(noise)

    def error(content: bytes) -> float:
        path = tmp_path / "int8.tflite"
        path.write_bytes(content)
        scores = probabilities(TfliteClassifier(path), noise)
        return float(np.abs(scores - wanted).mean())

    rewritten = error(to_tflite(freeze(model), Kind.INT8, noise))
    assert rewritten < 0.02
    assert error(plain_int8(tmp_path / "study.keras", noise)) > 2 * rewritten


def plain_int8(path: Path, faces: Pixels) -> bytes:
    """Quantize as TensorFlow's documentation does."""
    keras, tf = start_tensorflow()
    model = keras.saving.load_model(path)
    fixed = keras.Input(batch_shape=(1, 8, 8, 1))
    with without_chatter():
        converter = tf.lite.TFLiteConverter.from_keras_model(
            keras.Model(fixed, model(fixed, training=False))
        )
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [face[np.newaxis].astype(np.float32)] for face in faces
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
        content: bytes = converter.convert()
    return content


def test_pixels_from_minus_one_to_one(tmp_path: Path, noise: Pixels) -> None:
    """Normalised in one operator, which uses all 256 steps."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    path = tmp_path / "own.keras"
    softmax_model(inputs, keras.layers.Flatten()(x)).save(path)
    model = open_model(path, Asked(labels=LABELS))
    frozen = freeze(model)
    scores = probabilities(FloatTflite(to_tflite(frozen, Kind.FLOAT32)), noise)
    np.testing.assert_allclose(scores, model.probabilities(noise), atol=1e-5)
    ends = np.array([0, 255], np.uint8).repeat(64).reshape(2, 8, 8, 1)
    int8 = parse_tflite(to_tflite(frozen, Kind.INT8, ends), Path("model.tflite"))
    first = next(op for op in int8.operators if op.name != "QUANTIZE")
    low, high = first.outputs[0].range or (0.0, 0.0)
    assert first.name in ("DEPTHWISE_CONV_2D", "CONV_2D")
    assert [low, high] == pytest.approx([-1, 1], abs=0.01)
