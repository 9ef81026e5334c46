"""Rules and predictions: models that keep them, and one that breaks each."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter_models import Converted, softmax_model
from fer_contract.preprocess import Pixels
from fer_contract.tflite import EDGETPU_CACHE_BYTES
from fer_converter.backend import start_tensorflow, without_chatter
from fer_converter.edgetpu.compiler import MAPPED, MORE_THAN_ONE_SUBGRAPH, NOT_SUPPORTED
from fer_converter.edgetpu.prediction import predict, tabulate
from fer_converter.edgetpu.target import only_predict
from fer_converter.freezing import freeze
from fer_converter.quantize import Kind, to_tflite
from fer_converter.rules import (
    DEVICE_RULES,
    EDGETPU_RULES,
    batch_of_one,
    check,
    every_operator_maps,
    full_integer,
    not_compiled,
    one_graph,
    one_in_one_out,
    one_region,
    one_scale_a_dense_layer,
    parameters_in_the_cache,
    static_shapes,
    title,
    versions_that_are_read,
)
from fer_converter.sources import Asked, open_model
from fer_converter.tflite_file import TfliteFile, parse_tflite, read_tflite
from fer_converter.verdicts import Outcome

LABELS = ("happy", "sad", "calm")


def converted_from(model: Any, folder: Path, faces: Pixels) -> TfliteFile:
    path = folder / "own.keras"
    model.save(path)
    source = open_model(path, Asked(labels=LABELS))
    return parse_tflite(to_tflite(freeze(source), Kind.INT8, faces), Path("own.tflite"))


def converter_of(model: Any) -> Any:
    _, tf = start_tensorflow()
    return tf.lite.TFLiteConverter.from_keras_model(model)


def as_file(converter: Any) -> TfliteFile:
    with without_chatter():
        return parse_tflite(converter.convert(), Path("other.tflite"))


def flat_model(layer: Any = None) -> Any:
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation=layer)(inputs)
    x = keras.layers.Conv2D(4, 3)(x)
    return softmax_model(inputs, keras.layers.Flatten()(x))


@pytest.mark.parametrize("rule", [*DEVICE_RULES, *EDGETPU_RULES], ids=title)
def test_the_compact_preset_keeps_every_rule(converted: Converted, rule: Any) -> None:
    """All of it runs on the Edge TPU, in one region."""
    (verdict,) = check(converted.file(Kind.INT8), (rule,))
    assert verdict.passed, verdict.saw
    assert verdict.meaning
    assert not verdict.meaning.endswith(".")


def test_a_float_model(converted: Converted) -> None:
    """It is not whole numbers, has float ends, and nothing of it maps."""
    model = converted.file(Kind.FLOAT32)
    assert not full_integer(model)[0]
    assert "float32" in full_integer(model)[1]
    assert not one_in_one_out(model)[0]
    assert every_operator_maps(model)[1].startswith("0 of ")
    assert one_region(model) == (False, "nothing maps")


def test_an_open_batch() -> None:
    """As TensorFlow's documentation converts: shapes are computed at run time."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    model = as_file(converter_of(softmax_model(inputs, keras.layers.Flatten()(inputs))))
    assert not static_shapes(model)[0]


def test_eight_faces_at_a_time() -> None:
    """The size of the batch is named."""
    keras, _ = start_tensorflow()
    inputs = keras.Input(batch_shape=(8, 8, 8, 1))
    model = as_file(converter_of(softmax_model(inputs, keras.layers.Flatten()(inputs))))
    assert batch_of_one(model) == (False, "batch 8")


def test_a_scale_a_unit(noise: Pixels) -> None:
    """What TensorFlow makes of a dense layer unless it is told otherwise."""
    keras, tf = start_tensorflow()
    inputs = keras.Input(batch_shape=(1, 8, 8, 1))
    converter = converter_of(softmax_model(inputs, keras.layers.Flatten()(inputs)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [face[np.newaxis].astype(np.float32)] for face in noise
    )
    assert one_scale_a_dense_layer(as_file(converter)) == (
        False,
        "dense layers: 1, most scales of one: 3",
    )


def test_weights_of_8_bits_alone() -> None:
    """A dynamic model has an operator version that the compiler cannot read."""
    keras, tf = start_tensorflow()
    inputs = keras.Input(batch_shape=(1, 8, 8, 1))
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(inputs))
    converter = converter_of(softmax_model(inputs, x))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    held, saw = versions_that_are_read(as_file(converter))
    assert not held
    assert "FULLY_CONNECTED is version 12, read up to 9" in saw


def test_an_operator_that_the_edge_tpu_has_not(tmp_path: Path, noise: Pixels) -> None:
    """Named; what comes after it stays on the CPU too, and the table says why."""
    model = converted_from(flat_model("hard_swish"), tmp_path, noise)
    assert "HARD_SWISH" in {op.name for op in model.operators}
    held, saw = every_operator_maps(model)
    assert not held
    assert saw.endswith("because of HARD_SWISH")
    assert not one_region(model)[0]
    rows = {(part.row.operator, part.row.status) for part in tabulate(predict(model))}
    assert ("HARD_SWISH", NOT_SUPPORTED) in rows
    assert ("CONV_2D", MAPPED) in rows
    assert ("CONV_2D", MORE_THAN_ONE_SUBGRAPH) in rows


def test_a_table_counts_every_operator(converted: Converted) -> None:
    """Once."""
    for kind in Kind:
        model = converted.file(kind)
        rows = tabulate(predict(model))
        assert sum(part.row.count for part in rows) == len(model.operators)


def test_more_parameters_than_the_chip_holds(converted: Converted) -> None:
    """The size is named, and what fits."""
    model = converted.file(Kind.INT8)
    operator = model.operators[1]
    weights = dataclasses.replace(operator.inputs[1], data=bytes(EDGETPU_CACHE_BYTES))
    large = dataclasses.replace(
        operator, inputs=(operator.inputs[0], weights, *operator.inputs[2:])
    )
    operators = (model.operators[0], large, *model.operators[2:])
    held, saw = parameters_in_the_cache(dataclasses.replace(model, operators=operators))
    assert not held
    assert saw.endswith(f"{EDGETPU_CACHE_BYTES / 1000:,.0f} KB fit")
    # It runs all the same, so that nothing is refused for it.
    edgetpu = only_predict(dataclasses.replace(model, operators=operators))
    assert [rule.outcome for rule in edgetpu.rules][-1] is Outcome.SLOWER
    assert edgetpu.predicted


def test_more_than_one_graph(converted: Converted) -> None:
    """A branch or a loop."""
    model = dataclasses.replace(converted.file(Kind.INT8), graphs=3)
    assert one_graph(model) == (False, "3 graphs")


@pytest.mark.parametrize(
    "name", ["split_concat", "keras_lstm_mnist_ptq", "mobilenet_v1_0.25_128_quant"]
)
def test_what_google_compiled_is_predicted_to_map(shared: Path, name: str) -> None:
    """Whole, as the compiled twin shows: one operator is left there."""
    folder = shared / "models"
    model = read_tflite(folder / f"{name}.tflite")
    assert [part.why for part in predict(model) if not part.maps] == []
    assert one_region(model)[0]
    assert versions_that_are_read(model)[0]
    compiled = read_tflite(folder / f"{name}_edgetpu.tflite")
    assert len(compiled.operators) == 1
    assert not not_compiled(compiled)[0]


@pytest.mark.parametrize(
    ("shape", "maps"), [((2, 2, 4, 16), False), ((4, 4, 16), True), ((64, 4), True)]
)
def test_shapes(
    tmp_path: Path, noise: Pixels, shape: tuple[int, ...], maps: bool
) -> None:
    """Three innermost dimensions may exceed 1, and no fourth."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.Reshape(shape)(x)
    x = keras.layers.Add()([x, keras.layers.Softmax()(x)])
    model = converted_from(
        softmax_model(inputs, keras.layers.Flatten()(x)), tmp_path, noise
    )
    whys = " ".join(part.why for part in predict(model))
    assert ("only the three innermost may exceed 1" not in whys) == maps


def test_a_softmax_over_a_picture(tmp_path: Path, noise: Pixels) -> None:
    """The limit that it breaks is quoted."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.Softmax()(x)
    model = converted_from(
        softmax_model(inputs, keras.layers.Flatten()(x)), tmp_path, noise
    )
    whys = [part.why for part in predict(model) if part.operator.name == "SOFTMAX"]
    assert whys[0] == "not so: Input is one-dimensional, with at most 16,000 elements"
