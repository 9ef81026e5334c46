"""Weights and biases of int8 that keep what a layer computes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter_models import Converted, small_model, softmax_model
from fer_contract.dataset import FaceSet
from fer_contract.metrics import Numbers
from fer_contract.preprocess import Pixels
from fer_converter.backend import start_tensorflow
from fer_converter.calibration import select
from fer_converter.compensation import compensate
from fer_converter.freezing import freeze
from fer_converter.interpreters import OpenTflite, probabilities
from fer_converter.kernels import WEIGHTED, Kernel
from fer_converter.quantize import Kind, to_tflite
from fer_converter.rounding import compensated, nearest
from fer_converter.sources import Asked, open_model
from fer_converter.tflite_file import TfliteFile, parse_tflite


def made(kind: str, *arguments: Any, **more: Any) -> Any:
    """Make a layer of Keras, which only starts when a test needs it."""
    keras, _ = start_tensorflow()
    return getattr(keras.layers, kind)(*arguments, **more)


def both(model: Any, faces: Pixels, directory: Path) -> tuple[TfliteFile, TfliteFile]:
    """The int8 file as TFLite rounds it, and the float32 file."""
    path = directory / "own.keras"
    model.save(path)
    frozen = freeze(open_model(path, Asked(labels=("a", "b", "c"))))
    ints, floats = to_tflite(frozen, Kind.INT8, faces), to_tflite(frozen, Kind.FLOAT32)
    return parse_tflite(ints, Path("int8")), parse_tflite(floats, Path("float32"))


def network(*middle: Any, size: tuple[int, int] = (8, 8)) -> Any:
    """A classifier with drawn weights, biases too."""
    keras, _ = start_tensorflow()
    inputs = keras.Input((*size, 1))
    x = made("Rescaling", 1 / 255)(inputs)
    x = made("Conv2D", 4, 3, padding="same", activation="relu")(x)
    for layer in middle:
        x = layer(x)
    model = softmax_model(inputs, made("Flatten")(x))
    draw = np.random.default_rng(0)
    for part in model.weights:
        meets = np.prod(part.shape[: 2 if "depthwise" in part.path else -1])
        deviation = 0.1 if part.path.endswith("bias") else (2 / meets) ** 0.5
        part.assign(draw.normal(0, deviation, part.shape))
    return model


def mean_errors(ints: TfliteFile, floats: TfliteFile, faces: Pixels) -> list[float]:
    """Of each filter of each layer, how far int8's mean output is from float's.

    In shares of the deviation of float's output.
    """
    twins = {op.outputs[0].name: op.outputs[0].index for op in floats.operators}
    watched = [op.outputs[0] for op in ints.operators if op.name in WEIGHTED]
    rough, real = OpenTflite(ints.content), OpenTflite(floats.content)
    seen: list[list[tuple[Numbers, Numbers]]] = [[] for _ in watched]
    for face in faces:
        rough.run(face)
        real.run(face)
        for part, values in zip(watched, seen, strict=True):
            pair = (rough.tensor(part.index), real.tensor(twins[part.name]))
            values.append(
                (
                    pair[0].reshape(-1, part.shape[-1]),
                    pair[1].reshape(-1, part.shape[-1]),
                )
            )
    errors: list[float] = []
    for values in seen:
        a, b = (np.concatenate(side) for side in zip(*values, strict=True))
        errors += (np.abs(a.mean(0) - b.mean(0)) / (b.std(0) + 1e-9)).tolist()
    return errors


# --------------------------------------------------------------------- rounding


def spread(
    weights: Numbers, steps: Numbers, scale: float, covariance: Numbers
) -> float:
    error = weights - steps * scale
    return float(np.einsum("god,gde,goe->", error, covariance, error))


def test_a_difference_of_like_pixels_keeps_its_sum() -> None:
    """Each to the nearest, all three are rounded up, and pixels alike do not cancel."""
    weights = np.array([[[0.4, 0.4, 0.4, -1.2]]])
    alike = np.full((1, 4, 4), 100.0) + np.eye(4)
    scales = np.array([[1.0]])
    assert nearest(weights, scales).sum() == -1
    assert compensated(weights, scales, alike).sum() == 0


def test_outputs_vary_less_than_with_the_nearest() -> None:
    """Close to the best of all roundings up and down, where those can be tried."""
    draw = np.random.default_rng(1)
    ratios, excess = [], []
    for _ in range(50):
        mix = draw.normal(size=(6, 6)) + 2 * draw.normal(size=(6, 1))
        covariance = (mix @ mix.T)[None]
        weights = draw.normal(0, 5, (1, 1, 6))
        scales = np.ones((1, 1))
        ours = spread(weights, compensated(weights, scales, covariance), 1, covariance)
        theirs = spread(weights, nearest(weights, scales), 1, covariance)
        ups = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1).T
        best = min(spread(weights, np.floor(weights) + up, 1, covariance) for up in ups)
        ratios.append(ours / theirs)
        excess.append(ours / best)
    assert np.median(ratios) < 0.5
    assert np.median(excess) < 2.5


def test_groups_and_filters_do_not_mix() -> None:
    """All at once is as each alone."""
    draw = np.random.default_rng(2)
    mix = draw.normal(size=(3, 5, 5))
    covariance = mix @ mix.transpose(0, 2, 1)
    weights, scales = draw.normal(0, 9, (3, 2, 5)), draw.uniform(0.5, 2, (3, 2))
    whole = compensated(weights, scales, covariance)
    for group in range(3):
        for one in range(2):
            alone = compensated(
                weights[group : group + 1, one : one + 1],
                scales[group : group + 1, one : one + 1],
                covariance[group : group + 1],
            )
            assert (alone[0, 0] == whole[group, one]).all()


def test_inputs_that_never_vary() -> None:
    """Each weight to the nearest, as nothing says what is better."""
    weights = np.random.default_rng(3).normal(0, 30, (2, 3, 9))
    scales = np.ones((2, 3))
    none = np.zeros((2, 9, 9))
    assert (compensated(weights, scales, none) == nearest(weights, scales)).all()


def test_no_weight_leaves_its_bits() -> None:
    """However much the others ask of it; and a filter of zeros stays one."""
    weights = np.array([[[127.4, 127.4, 127.4, -127.4], [0.0, 0.0, 0.0, 0.0]]])
    alike = np.full((1, 4, 4), 100.0) + np.eye(4)
    steps = compensated(weights, np.array([[1.0, 0.0]]), alike)
    assert np.abs(steps).max() == 127
    assert (steps[0, 1] == 0).all()


# --------------------------------------------------------------- kernels in files

LAYERS: dict[str, Callable[[], Any]] = {
    "same": lambda: made("Conv2D", 5, 3, padding="same"),
    "valid, wide": lambda: made("Conv2D", 5, (1, 3)),
    "steps of two": lambda: made("Conv2D", 5, 3, strides=2, padding="same"),
    "pointwise": lambda: made("Conv2D", 6, 1),
    "groups": lambda: made("Conv2D", 6, 3, groups=2, padding="same"),
    "depthwise": lambda: made("DepthwiseConv2D", 3, padding="same"),
    "depthwise, two each": lambda: made(
        "DepthwiseConv2D", 3, depth_multiplier=2, strides=2, padding="same"
    ),
    "far apart": lambda: made("DepthwiseConv2D", 3, dilation_rate=2, padding="same"),
}


Known = tuple[TfliteFile, TfliteFile, Pixels]


@pytest.fixture(scope="module", params=LAYERS)
def layered(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    noise: Pixels,
) -> Known:
    """A network with a layer of each kind, in int8 and float, and its faces."""
    faces = noise[:, :, [*range(8), 3]]
    directory = tmp_path_factory.mktemp("layered")
    model = network(LAYERS[request.param](), size=(8, 9))
    return *both(model, faces[:24], directory), faces


def test_what_a_kernel_meets_makes_the_outputs(layered: Known) -> None:
    """Weights times inputs, and the bias, are what TFLite computes."""
    _, floats, faces = layered
    model = OpenTflite(floats.content)
    model.run(faces[0])
    tested = 0
    for op in floats.operators:
        if op.name not in WEIGHTED:
            continue
        kernel = Kernel(op)
        weights = kernel.grouped(op.inputs[1].values)
        assert (kernel.in_order(weights) == op.inputs[1].values).all()
        rows = kernel.met(
            model.tensor(op.inputs[0].index), 1000, np.random.default_rng(0)
        )
        sums = np.einsum("rgd,god->rgo", rows, weights).reshape(len(rows), -1)
        outputs = sums + op.inputs[2].values
        if op.options.fusedActivationFunction:
            outputs = np.maximum(0, outputs)
        wanted = model.tensor(op.outputs[0].index).reshape(len(rows), -1)
        # The places are drawn, so in any order.
        assert np.sort(outputs, 0) == pytest.approx(np.sort(wanted, 0), abs=1e-5)
        tested += 1
    assert tested == 4  # the scaling of pixels is one


def test_few_places_are_among_all(tmp_path: Path, noise: Pixels) -> None:
    """As many as asked for, and others each time."""
    _, floats = both(small_model(), noise, tmp_path)
    op = next(op for op in floats.operators if op.name == "CONV_2D")
    inputs = noise[:1].astype(np.float64)
    draw = np.random.default_rng(0)
    every = {row.tobytes() for row in Kernel(op).met(inputs, 999, draw)}
    few = [Kernel(op).met(inputs, 10, draw) for _ in range(2)]
    assert [len(rows) for rows in few] == [10, 10]
    assert {row.tobytes() for rows in few for row in rows} <= every
    assert few[0].tobytes() != few[1].tobytes()


# ------------------------------------------------------------------- whole files


def test_every_kind_of_layer(layered: Known) -> None:
    """Its int8 outputs are, in the mean, nearer to float's, with faces it never saw."""
    ints, floats, faces = layered
    done = compensate(ints, floats, faces[:24])
    assert (done.compensated, done.layers) == (4, 4)
    after = parse_tflite(done.content, Path("after"))
    before = np.mean(mean_errors(ints, floats, faces[24:]))
    assert np.mean(mean_errors(after, floats, faces[24:])) < before


def test_a_kernel_of_differences(tmp_path: Path, noise: Pixels) -> None:
    """Where the nearest leaves a constant, as of MobileNet's first layers."""
    smooth = noise[:, :1, :1].repeat(8, 1).repeat(8, 2)
    smooth[0], smooth[1] = 0, 255
    model = network(made("DepthwiseConv2D", 3, padding="valid", name="differences"))
    edge = np.array([[1, 1, 1], [1, -8.07, 1], [1, 1, 1]]) / 8
    part = model.get_layer("differences")
    part.set_weights(
        [np.broadcast_to(edge[..., None, None], (3, 3, 4, 1)), np.zeros(4)]
    )
    ints, floats = both(model, smooth, tmp_path)
    after = parse_tflite(compensate(ints, floats, smooth).content, Path("after"))
    worst = max(mean_errors(ints, floats, smooth))
    assert max(mean_errors(after, floats, smooth)) < worst / 2


def test_a_trained_network(converted: Converted, validation: FaceSet) -> None:
    """Its scores are nearer to float's on faces that did not calibrate."""
    parts = select(validation, 60, 0)
    ints, floats = converted.file(Kind.INT8), converted.file(Kind.FLOAT32)
    done = compensate(ints, floats, parts.calibration.faces)
    assert done.compensated == done.layers == 13
    faces = parts.parity.faces[::4]
    real = converted.source.probabilities(faces)

    def error(content: bytes) -> float:
        return float(np.square(scores_of(content, faces) - real).mean() ** 0.5)

    assert error(done.content) < error(ints.content)


def scores_of(content: bytes, faces: Pixels) -> Numbers:
    """Of an int8 file, unquantized."""

    class _Scores:
        def __init__(self) -> None:
            self._model = OpenTflite(content)
            self._target = parse_tflite(content, Path("int8")).outputs[0].index

        def probabilities(self, face: Pixels) -> Numbers:
            self._model.run(face)
            scores: Numbers = self._model.tensor(self._target)[0]
            return scores

    return probabilities(_Scores(), faces)


def test_nothing_but_constants_changes(
    converted: Converted, validation: FaceSet
) -> None:
    """Scales, ranges, operators and the size stay; and the same faces give the same."""
    ints, floats = converted.file(Kind.INT8), converted.file(Kind.FLOAT32)
    faces = validation.faces[::40]
    done = compensate(ints, floats, faces)
    assert compensate(ints, floats, faces) == done
    after = parse_tflite(done.content, ints.path)
    assert after.size == ints.size
    changed = set()
    for old, new in zip(ints.tensors, after.tensors, strict=True):
        assert (old.name, old.shape, old.kind) == (new.name, new.shape, new.kind)
        assert (old.scales, old.zero_points) == (new.scales, new.zero_points)
        if old.data != new.data:
            changed.add(old.index)
    kernels = {op.inputs[1].index for op in ints.operators if op.name in WEIGHTED}
    biases = {op.inputs[2].index for op in ints.operators if op.name in WEIGHTED}
    assert changed <= kernels | biases
    assert kernels <= changed


def test_constants_that_two_layers_share(tmp_path: Path, noise: Pixels) -> None:
    """They are left alone: what is better for one would be worse for the other."""
    twice = made("Conv2D", 4, 3, padding="same", name="twice")
    ints, floats = both(network(twice, made("ReLU"), twice), noise, tmp_path)
    done = compensate(ints, floats, noise)
    assert (done.compensated, done.layers) == (3, 5)
    after = parse_tflite(done.content, Path("after"))
    for old, new in zip(ints.operators, after.operators, strict=True):
        if old.name == "CONV_2D" and "twice" in old.outputs[0].name:
            assert old.inputs[1].data == new.inputs[1].data


def test_layers_without_a_bias(tmp_path: Path, noise: Pixels) -> None:
    """TFLite gives them zeros, both the same: only the weights are their own."""
    convolutions = [
        made("Conv2D", 4, 3, use_bias=False, name=f"plain{k}") for k in (1, 2)
    ]
    ints, floats = both(network(*convolutions), noise, tmp_path)
    done = compensate(ints, floats, noise)
    assert (done.compensated, done.layers) == (5, 5)
    after = parse_tflite(done.content, Path("after"))
    for old, new in zip(ints.operators, after.operators, strict=True):
        if old.name == "CONV_2D" and "plain" in old.outputs[0].name:
            assert old.inputs[1].data != new.inputs[1].data
            assert old.inputs[2].data == new.inputs[2].data == bytes(16)


def test_a_covariance_that_is_too_large(layered: Known) -> None:
    """The weights stay, the biases alone are fitted."""
    ints, floats, faces = layered
    done = compensate(ints, floats, faces[:24], largest=0)
    assert (done.compensated, done.layers) == (0, 4)
    after = parse_tflite(done.content, Path("after"))
    for old, new in zip(ints.operators, after.operators, strict=True):
        if old.name in WEIGHTED:
            assert old.inputs[1].data == new.inputs[1].data
    before = sum(of_the_means(ints, floats, faces[:24]))
    assert sum(of_the_means(after, floats, faces[:24])) < before / 2


def test_the_bias_takes_what_rounding_leaves(layered: Known) -> None:
    """Of the means of a layer's outputs, given float's inputs."""
    ints, floats, faces = layered
    done = compensate(ints, floats, faces[:24])
    after = parse_tflite(done.content, Path("after"))
    before = sum(of_the_means(ints, floats, faces[:24]))
    assert sum(of_the_means(after, floats, faces[:24])) < before / 2


def test_what_is_constant_is_left_to_the_bias(tmp_path: Path, noise: Pixels) -> None:
    """Weights are rounded for what varies: twice the mean changes none of them."""
    chosen = []
    for constant in (30, 60):
        model = network(made("DepthwiseConv2D", 3, padding="valid"))
        kernel, bias = model.layers[2].get_weights()
        model.layers[2].set_weights([kernel, bias + constant])
        ints, floats = both(model, noise, tmp_path)
        after = parse_tflite(compensate(ints, floats, noise).content, Path("after"))
        kernels = [op.inputs[1].data for op in after.operators if op.name in WEIGHTED]
        chosen.append(kernels[2])
        assert kernels[2] != ints.operators[3].inputs[1].data
    assert chosen[0] == chosen[1]


def of_the_means(ints: TfliteFile, floats: TfliteFile, faces: Pixels) -> list[float]:
    """What rounding adds to the means of each layer's outputs, given float's inputs.

    In shares of the outputs' deviation, the mean over filters.
    """
    twins = {op.outputs[0].name: op for op in floats.operators}
    model, draw = OpenTflite(floats.content), np.random.default_rng(0)
    found = []
    for op in ints.operators:
        if op.name not in WEIGHTED:
            continue
        twin = twins[op.outputs[0].name]
        kernel, rows = Kernel(twin), []
        for face in faces:
            model.run(face)
            rows.append(kernel.met(model.tensor(twin.inputs[0].index), 1000, draw))
        met = np.concatenate(rows)
        real = kernel.grouped(twin.inputs[1].values)
        scales = np.broadcast_to(op.inputs[1].scales, real.shape[0] * real.shape[1])
        rough = kernel.grouped(op.inputs[1].values) * scales.reshape(*real.shape[:2], 1)
        outputs = np.einsum("rgd,god->rgo", met, real).reshape(len(met), -1)
        errors = np.einsum("rgd,god->rgo", met, rough - real).reshape(len(met), -1)
        bias = op.inputs[2].values * np.asarray(op.inputs[2].scales)
        mean = errors.mean(0) + bias - twin.inputs[2].values
        found.append(float(np.abs(mean).mean() / outputs.std()))
    return found


@pytest.mark.parametrize("saturation", [9.0, 10.0, 11.0, 13.0, 30.0])
def test_inputs_that_hardly_vary(
    tmp_path: Path, noise: Pixels, saturation: float
) -> None:
    """Gates that are always open: their differences drown in their squares."""
    gates = made("Dense", 16, activation="sigmoid", name="gates")
    model = network(made("GlobalAveragePooling2D"), gates, made("Dense", 8))
    kernel, bias = gates.get_weights()
    gates.set_weights([kernel, bias + saturation])
    ints, floats = both(model, noise, tmp_path)
    done = compensate(ints, floats, noise)
    assert done.compensated == done.layers == 5


def test_the_float_file_of_another_network(tmp_path: Path, noise: Pixels) -> None:
    """Of the same names and shapes, but other weights: nothing is taken from it."""
    (tmp_path / "other").mkdir()
    ints, _ = both(small_model(seed=0), noise, tmp_path)
    _, floats = both(small_model(seed=1), noise, tmp_path / "other")
    done = compensate(ints, floats, noise)
    assert done.compensated == 0
    assert done.content == ints.content


def test_a_layer_that_stayed_in_float(tmp_path: Path, noise: Pixels) -> None:
    """Its inputs are infinite, so that TFLite has no range; a rule refuses it then."""
    model = small_model()
    for name, factor in ((model.layers[2].name, 1e38), ("judge", 1e10)):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel * factor, bias])
    ints, floats = both(model, noise, tmp_path)
    done = compensate(ints, floats, noise)
    assert (done.compensated, done.layers) == (2, 3)


def test_faces_all_alike(tmp_path: Path) -> None:
    """Black ones: there is nothing to measure, and nothing goes wrong."""
    black = np.zeros((3, 8, 8, 1), np.uint8)
    ints, floats = both(small_model(), black, tmp_path)
    done = compensate(ints, floats, black)
    assert done.compensated == 3
    rough, real = scores_of(done.content, black), scores_of(ints.content, black)
    assert rough == pytest.approx(real, abs=0.01)
