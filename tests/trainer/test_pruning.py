"""Pruning: what is kept serves best, and nothing is lost where all is kept."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fer_trainer.backend import start_keras
from fer_trainer.presets.pruning import (
    Pruning,
    choose,
    fit,
    normed_convolutions,
    outputs_of,
)

keras = start_keras()
layers = keras.layers

Pixels = npt.NDArray[np.uint8]


def network(
    filters: tuple[int, ...],
    *,
    colour: bool,
    dropout: float = 0.0,
    enlarged: bool = False,
) -> Any:
    """Build a network as MobileNet is, of 16x16 pixels, with fresh weights."""

    def normed(x: Any) -> Any:
        return layers.ReLU(6.0)(layers.BatchNormalization()(x))

    first, *others = filters
    x = inputs = keras.Input((16, 16, 1))
    if colour:
        x = layers.Concatenate()([x, x, x])
        x = layers.Rescaling(1.0, offset=[-100.0, -110.0, -120.0])(x)
    else:
        x = layers.Rescaling(1.0, offset=-115.0)(x)
    if enlarged:
        x = layers.Resizing(32, 32, interpolation="bilinear")(x)
    steps = 2 if enlarged else 1
    x = normed(
        layers.Conv2D(first, 3, strides=steps, padding="same", use_bias=False)(x)
    )
    for index, width in enumerate(others):
        x = layers.DepthwiseConv2D(
            3, strides=1 + index % 2, padding="same", use_bias=False
        )(x)
        x = normed(layers.Conv2D(width, 1, use_bias=False)(normed(x)))
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def faces() -> Pixels:
    """Blots: what a network sees of them differs from place to place."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (200, 4, 4, 1)).astype(np.float32)
    fine = keras.ops.image.resize(coarse, (16, 16), interpolation="bilinear")
    return np.asarray(fine).astype(np.uint8)


@pytest.fixture(scope="module")
def large(faces: Pixels) -> Any:
    """With the statistics of the faces, so that no filter is always 0 or 6."""
    keras.utils.set_random_seed(5)
    return lively(faces, network((6, 12, 16, 20), colour=True))


@pytest.fixture(scope="module")
def uneven(faces: Pixels) -> Any:
    """Another one, of which no two batch norms are alike."""
    keras.utils.set_random_seed(6)
    model = network((6, 12, 16, 20), colour=True)
    draw = np.random.default_rng(6)
    for pair in normed_convolutions(model):
        pair.norm.gamma.assign(draw.uniform(0.7, 1.4, pair.norm.gamma.shape))
        pair.norm.beta.assign(draw.normal(0.3, 0.3, pair.norm.beta.shape))
    return lively(faces, model)


def lively(faces: Pixels, model: Any) -> Any:
    """Give a network the statistics of faces."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    model(faces.astype(np.float32), training=True)
    return model


def answers(model: Any, faces: Pixels) -> Any:
    """Return its probabilities."""
    return model.predict(faces.astype(np.float32), verbose=0)


def pruned(
    large: Any,
    faces: Pixels,
    filters: tuple[int, ...],
    blocks: Any = None,
    dropout: float = 0.0,
) -> Any:
    """Return a smaller network, filled."""
    small = network(filters, colour=False, dropout=dropout)
    blocks = blocks or [(index, index) for index in range(len(filters) - 1)]
    Pruning(large, small, blocks, faces, answers(large, faces)).fill()
    return small


def test_a_network_of_all_filters_is_the_same(large: Any, faces: Pixels) -> None:
    """But for the border, where three means are not one; and the ridge."""
    small = pruned(large, faces, (6, 12, 16, 20))
    difference = answers(small, faces) - answers(large, faces)
    assert np.abs(difference).max() < 0.02


def test_the_first_layer_need_not_enlarge(faces: Pixels) -> None:
    """Steps of two on a face enlarged twice are steps of one on the face itself."""
    keras.utils.set_random_seed(7)
    filters = (6, 12, 16, 20)
    large = lively(faces, network(filters, colour=True, enlarged=True))
    small = pruned(large, faces, filters)
    ours, theirs = (
        np.concatenate(
            [*outputs_of(keras.Model(model.input, pairs[0].norm.output), faces)]
        )[:, 1:-1, 1:-1]
        for model in (small, large)
        for pairs in [normed_convolutions(model)]
    )
    assert ours == pytest.approx(theirs, abs=1e-3)
    difference = answers(small, faces) - answers(large, faces)
    assert np.abs(difference).max() < 0.05


def test_a_network_of_half_the_filters_answers_alike(large: Any, faces: Pixels) -> None:
    """Untrained; one of fresh weights does not."""
    theirs = np.log(answers(large, faces))
    theirs = theirs - theirs.mean(0)
    left = []
    for small in (
        pruned(large, faces, (4, 6, 8, 10)),
        network((4, 6, 8, 10), colour=False),
    ):
        ours = np.log(answers(small, faces))
        left.append(((ours - ours.mean(0) - theirs) ** 2).sum() / (theirs**2).sum())
    assert left[0] < 0.3
    assert left[1] > 0.9


def test_a_block_that_is_left_out(uneven: Any, faces: Pixels) -> None:
    """Inputs come of the one block, outputs of the other: filters and norms tell."""
    small = pruned(uneven, faces, (6, 12, 20), [(0, 0), (1, 2)])
    mine, theirs = normed_convolutions(small), normed_convolutions(uneven)
    pairs = [(mine[1], theirs[1]), (mine[3], theirs[3])]
    for ours, source in pairs:
        np.testing.assert_array_equal(
            ours.layer.get_weights()[0], source.layer.get_weights()[0]
        )
    for ours, source in (*pairs, (mine[2], theirs[2]), (mine[4], theirs[6])):
        for position in (0, 1):  # gamma and beta
            np.testing.assert_array_equal(
                ours.norm.get_weights()[position], source.norm.get_weights()[position]
            )


def test_each_layer_makes_up_for_those_before(uneven: Any, faces: Pixels) -> None:
    """Fitted with what the small one has before it: the outputs' means are right."""
    small = pruned(uneven, faces, (3, 5, 16, 20))
    outputs = [
        np.concatenate(
            [*outputs_of(keras.Model(model.input, part.norm.output), faces)]
        ).mean((0, 1, 2))
        for model in (small, uneven)
        for part in normed_convolutions(model)[4::2]
    ]
    ours, theirs = outputs[:2], outputs[2:]
    for mine, wanted in zip(ours, theirs, strict=True):
        assert np.abs(mine - wanted).max() < 0.15


def test_the_last_layer_expects_dropout(large: Any, faces: Pixels) -> None:
    """As ``fit`` does: its weights are the smaller, the more will be missed."""
    sizes = [
        np.abs(
            pruned(large, faces, (4, 6, 8, 10), dropout=share)
            .layers[-1]
            .get_weights()[0]
        ).sum()
        for share in (0.0, 0.5)
    ]
    assert sizes[1] < sizes[0] * 0.8


def test_choice_keeps_what_cannot_be_made_of_others() -> None:
    """Of two copies one goes, noise goes, and what the outputs need stays."""
    rng = np.random.default_rng(6)
    needed, noise = rng.normal(size=(500, 3)), rng.normal(size=(500, 2))
    inputs = np.concatenate([needed[:, :1], noise, needed, needed[:, 1:2] * 3], axis=1)
    kept = choose(inputs, needed @ rng.normal(size=(3, 4)), 3)
    assert not {1, 2} & set(kept)
    assert len({0, 3} & set(kept)) == len({4, 6} & set(kept)) == 1
    assert 5 in kept
    assert list(kept) == sorted(kept)


@pytest.mark.parametrize("seed", range(10))
def test_choice_is_the_best_of_all(seed: int) -> None:
    """Against every choice of four from five: none leaves less unexplained."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(300, 5)) + rng.normal(size=(300, 1))
    outputs = inputs @ rng.normal(size=(5, 2)) * [1.0, 0.1]

    def left(kept: Any) -> float:
        kernel, bias = fit(inputs[:, kept], outputs)
        return float(((inputs[:, kept] @ kernel + bias - outputs) ** 2).sum())

    kept = choose(inputs, outputs, 4)
    assert left(kept) == min(left(np.delete(np.arange(5), gone)) for gone in range(5))


def test_fit_is_linear_regression() -> None:
    """With a bias; a channel that is always 0 harms nothing."""
    rng = np.random.default_rng(8)
    inputs = rng.normal(size=(400, 3)) + 5
    inputs[:, 1] = 0.0
    kernel, bias = fit(inputs, inputs @ [[1.0], [2.0], [-3.0]] + 7)
    np.testing.assert_allclose(kernel[[0, 2]], [[1.0], [-3.0]], rtol=5e-3)
    assert bias == pytest.approx([7.0], abs=0.05)


def test_inputs_that_never_vary() -> None:
    """Of a network that died: the outputs' mean is all that can be given."""
    inputs, outputs = np.full((9, 3), 2.0), np.arange(9.0)[:, None]
    assert len(choose(inputs, outputs, 2)) == 2
    kernel, bias = fit(inputs, outputs)
    assert inputs @ kernel + bias == pytest.approx(np.full((9, 1), 4.0))


def test_fit_expects_what_dropout_takes() -> None:
    """Of two inputs that differ by little, neither is relied on alone."""
    rng = np.random.default_rng(9)
    common = rng.normal(size=(400, 1))
    inputs = np.concatenate([common, common + 0.01 * rng.normal(size=(400, 1))], axis=1)
    outputs = (inputs[:, :1] - inputs[:, 1:]) * 100 + common
    steep, _ = fit(inputs, outputs)
    calm, _ = fit(inputs, outputs, dropout=0.1)
    assert np.abs(steep).max() > 5
    assert np.abs(calm).max() < 1
