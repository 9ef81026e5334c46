"""The networks: the study's to the last parameter, the edge's within its budget."""

import numpy as np
import pytest

from fer_contract.errors import FerError
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.presets import PRESETS, find_preset

keras = start_keras()


def test_base_has_the_parameters_of_the_studys_model_1() -> None:
    """605,060, as the study reports."""
    assert find_preset("base").build(InputSpec(), 4).count_params() == 605_060


def test_base_has_the_layers_of_the_studys_model_1() -> None:
    """Filters, kernel, pooling, dropout and dense widths are the study's."""
    layers = find_preset("base").build(InputSpec(), 4).layers
    convolutions = [part for part in layers if isinstance(part, keras.layers.Conv2D)]
    dropouts = [part for part in layers if isinstance(part, keras.layers.Dropout)]
    dense = [part for part in layers if isinstance(part, keras.layers.Dense)]
    assert [part.filters for part in convolutions] == [64, 32, 32]
    assert {part.kernel_size for part in convolutions} == {(2, 2)}
    assert [part.rate for part in dropouts] == [0.2, 0.2, 0.2, 0.4]
    assert [part.units for part in dense] == [512, 4]


def test_compact_stays_within_30_million_multiplications() -> None:
    """Counted over convolutions and dense layers."""
    model = find_preset("compact").build(InputSpec(), 4)
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    assert 1_000_000 < total <= 30_000_000


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_raw_pixels_and_gives_probabilities(name: str) -> None:
    """Grey 0-255 in, rows that sum to 1 out, for any size and number of classes."""
    model = find_preset(name).build(InputSpec(height=64, width=56), 5)
    faces = np.full((2, 64, 56, 1), 200, dtype=np.uint8)
    scores = model.predict(faces, verbose=0)
    assert scores.shape == (2, 5)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_normalises_inside_its_graph(name: str) -> None:
    """Pixels divided by 255 outside are almost black to it, so answers differ."""
    keras.utils.set_random_seed(1)
    model = find_preset(name).build(InputSpec(), 4)
    faces = np.random.default_rng(1).uniform(0, 255, (4, 48, 48, 1)).astype(np.float32)
    right = model.predict(faces, verbose=0)
    wrong = model.predict(faces / 255, verbose=0)
    assert np.abs(right - wrong).max() > 1e-3


def test_an_unknown_preset_is_named_with_those_there_are() -> None:
    """One line: what was asked for, what is allowed."""
    with pytest.raises(FerError, match="'bass'; allowed are compact, base"):
        find_preset("bass")
