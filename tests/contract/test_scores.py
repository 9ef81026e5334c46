"""What a temperature does to scores, and what a quantized number means."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_contract.errors import ModelError
from fer_contract.scores import (
    Quantization,
    check_probabilities,
    temper,
    tempered_weights,
)

Scores = npt.NDArray[np.float64]

_rows = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=7).flatmap(
    lambda shape: hnp.arrays(np.uint8, shape)
)
temperatures = st.floats(0.05, 20.0)


def _scores(steps: npt.NDArray[np.uint8]) -> Scores:
    """Return 8-bit scores as the model gives them: zeros and rough sums included."""
    return steps.astype(np.float64) / 256.0


@given(_rows, temperatures)
def test_any_scores(steps: npt.NDArray[np.uint8], temperature: float) -> None:
    """Each row sums to 1, in the shape that came, and every score is above 0."""
    tempered = temper(_scores(steps), temperature)

    assert steps.shape == tempered.shape
    assert np.allclose(1.0, tempered.sum(axis=-1), rtol=0, atol=1e-12)
    assert (tempered > 0).all()


@given(_rows, temperatures)
def test_order(steps: npt.NDArray[np.uint8], temperature: float) -> None:
    """What was more likely never becomes less likely."""
    order = np.argsort(steps, axis=-1, kind="stable")
    tempered = temper(_scores(steps), temperature)

    assert (np.diff(np.take_along_axis(tempered, order, axis=-1), axis=-1) >= 0).all()


def test_temperature_of_one() -> None:
    """It only normalises."""
    tempered = temper(np.array([[0.25, 0.5, 0.25], [0.25, 0.25, 0.5 / 2]]), 1.0)

    assert np.allclose([[0.25, 0.5, 0.25], [1 / 3, 1 / 3, 1 / 3]], tempered)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 3.0])
def test_logits_divided(temperature: float) -> None:
    """It is the softmax of the logits divided by the temperature."""
    logits = np.array([1.3, -0.4, 0.2, 0.9])
    softmax = np.exp(logits) / np.exp(logits).sum()
    expected = np.exp(logits / temperature) / np.exp(logits / temperature).sum()

    assert np.allclose(expected, temper(softmax, temperature), rtol=1e-12)


@given(hnp.arrays(np.uint8, 5))
def test_higher_temperature(steps: npt.NDArray[np.uint8]) -> None:
    """It flattens: the likeliest score falls, up to an even spread."""
    highest = [temper(_scores(steps), heat).max() for heat in (0.5, 1.0, 2.0, 8.0)]

    assert all(a >= b - 1e-12 for a, b in pairwise(highest))
    assert np.allclose(0.2, temper(_scores(steps), 1e6), atol=1e-4)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_certain_8_bit_scores(temperature: float) -> None:
    """A quantized zero is small, not impossible: no warning, no nan."""
    tempered = temper(np.array([1.0, 0.0, 0.0, 0.0]), temperature)

    assert np.isfinite(tempered).all()
    assert int(tempered.argmax()) == 0


@pytest.mark.parametrize("temperature", [0.001, 1.3, 1000.0])
def test_no_score_at_all(temperature: float) -> None:
    """Nothing but zeros is an even spread."""
    assert np.allclose(0.25, temper(np.zeros(4), temperature))


@given(
    st.floats(1e-6, 10, allow_subnormal=False),
    st.integers(-128, 255),
    hnp.arrays(np.uint8, (2, 3)),
)
def test_quantized_numbers(
    scale: float, zero_point: int, steps: npt.NDArray[np.uint8]
) -> None:
    """Real = scale * (q - zero_point), also below the zero point."""
    real = Quantization(scale, zero_point).real(steps)

    assert real.dtype == np.float64
    expected = [[scale * (int(q) - zero_point) for q in row] for row in steps]
    assert expected == real.tolist()


@given(
    hnp.arrays(np.uint8, 5),
    st.floats(1e-3, 1.0),
    st.integers(0, 255),
    temperatures,
)
def test_weights(
    steps: npt.NDArray[np.uint8], scale: float, zero_point: int, temperature: float
) -> None:
    """An output's share of the weights is the score that the arrays give."""
    output = Quantization(scale, zero_point)
    weights = tempered_weights(output, temperature)

    assert len(weights) == 256
    chosen = [weights[step] for step in steps.tolist()]
    shares = [weight / sum(chosen) for weight in chosen]
    assert np.allclose(temper(output.real(steps), temperature), shares, rtol=1e-9)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([1.5, 0.7], "scores of a face sum to 2.2; 1 is wanted"),
        ([np.nan, 1.0], "scores of a face sum to nan; 1 is wanted"),
        ([1.25, -0.25], "a score of -0.25; 0 to 1 is wanted"),
    ],
)
def test_scores_that_are_no_probabilities(row: list[float], told: str) -> None:
    """The error shows what is wrong with them, and what mends it."""
    with pytest.raises(ModelError) as caught:
        check_probabilities(np.array([[0.5, 0.5], row]), Path("own.keras"))

    expected = f"own.keras: {told}: let the model end in a softmax"
    assert expected == str(caught.value)
