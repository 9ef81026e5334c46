"""Figures by hand, and what every figure must hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.intervals import wilson
from fer_contract.metrics import (
    Indices,
    Numbers,
    brier_score,
    class_figures,
    confusion_matrix,
    log_loss,
    macro_f1,
    macro_f1_interval,
    reliability,
)

_TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 2])
_PREDICTED = np.array([0, 0, 0, 1, 1, 1, 0, 1])


@st.composite
def answers(draw: st.DrawFn) -> tuple[Numbers, Indices]:
    """Draw probabilities (N, C) and truth (N,)."""
    faces, classes = draw(st.integers(1, 60)), draw(st.integers(2, 7))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = generator.dirichlet(np.full(classes, 0.5), size=faces)
    return probabilities, generator.integers(0, classes, faces)


def test_matrix_by_hand() -> None:
    """A row is a truth, a column an answer."""
    matrix = confusion_matrix(_TRUTH, _PREDICTED, 3)

    assert matrix.tolist() == [[3, 1, 0], [1, 2, 0], [0, 1, 0]]


def test_class_figures_by_hand() -> None:
    """Precision divides by the column, recall by the row, F1 by half of both."""
    first, second, third = class_figures(confusion_matrix(_TRUTH, _PREDICTED, 3))

    assert (first.precision, first.recall, first.f1) == (3 / 4, 3 / 4, 3 / 4)
    assert (second.precision, second.recall, second.f1) == (2 / 4, 2 / 3, 4 / 7)
    assert (third.precision, third.recall, third.f1) == (0.0, 0.0, 0.0)
    assert (first.support, second.support, third.support) == (4, 3, 1)


def test_class_never_predicted() -> None:
    """Its F1 of 0 is in the mean, not left out of it."""
    matrix = confusion_matrix(_TRUTH, _PREDICTED, 3)

    assert macro_f1(matrix) == pytest.approx((3 / 4 + 4 / 7 + 0) / 3)


def test_class_that_does_not_occur() -> None:
    """0 / 0 is 0, without a warning."""
    (_, absent) = class_figures(confusion_matrix(np.zeros(3, int), np.zeros(3, int), 2))

    assert (absent.precision, absent.recall, absent.f1, absent.support) == (0, 0, 0, 0)


@given(answers())
def test_matrix_of_any_answers(drawn: tuple[Numbers, Indices]) -> None:
    """It counts every face once; its rows are the truth, its diagonal is right."""
    probabilities, truth = drawn
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(truth, predicted, classes)

    assert int(matrix.sum()) == len(truth)
    assert matrix.sum(axis=1).tolist() == np.bincount(truth, minlength=classes).tolist()
    assert int(np.trace(matrix)) == int((predicted == truth).sum())


@given(answers(), st.randoms(use_true_random=False))
def test_labels_in_another_order(
    drawn: tuple[Numbers, Indices], random: object
) -> None:
    """The macro-F1 does not depend on the order of the classes."""
    probabilities, truth = drawn
    classes = probabilities.shape[1]
    order = np.arange(classes)
    random.shuffle(order)  # type: ignore[attr-defined]
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(truth, predicted, classes)
    other = confusion_matrix(order[truth], order[predicted], classes)

    assert macro_f1(other) == pytest.approx(macro_f1(matrix))


def test_interval_of_two_even_classes() -> None:
    """On a symmetric matrix the macro-F1 is the accuracy, and so is its interval."""
    matrix = np.array([[800, 200], [200, 800]])
    low, high = macro_f1_interval(matrix)

    assert (low, high) == pytest.approx(wilson(1600, 2000), abs=0.003)


def test_interval_of_fewer_faces() -> None:
    """A hundredth of the faces has ten times the width."""
    many = np.array([[6000, 2500, 1500], [1200, 7800, 1000], [900, 2100, 7000]])
    wide, narrow = (np.diff(macro_f1_interval(m))[0] for m in (many // 100, many))

    assert wide == pytest.approx(10 * narrow, rel=0.1)


def test_interval_with_an_empty_row() -> None:
    """A class without faces stays one, and the interval holds the figure."""
    matrix = np.array([[30, 5, 2], [0, 0, 0], [3, 1, 40]])
    low, high = macro_f1_interval(matrix)

    assert low < macro_f1(matrix) < high


def test_same_seed() -> None:
    """The interval is drawn, yet the same each time."""
    matrix = np.array([[7, 3], [2, 8]])

    assert macro_f1_interval(matrix, seed=5) == macro_f1_interval(matrix, seed=5)
    assert macro_f1_interval(matrix, seed=5) != macro_f1_interval(matrix, seed=6)


def test_guesses() -> None:
    """Equal scores for four classes have the loss ln 4 of an untrained network."""
    probabilities, truth = np.full((8, 4), 0.25), np.arange(8) % 4

    assert log_loss(probabilities, truth) == pytest.approx(math.log(4))
    assert brier_score(probabilities, truth) == pytest.approx(0.75**2 + 3 * 0.25**2)


def test_certain_answers() -> None:
    """Right ones lose nothing, wrong ones a finite much, and a Brier score of 2."""
    probabilities = np.eye(2)

    assert log_loss(probabilities, np.array([0, 1])) == 0.0
    assert log_loss(probabilities, np.array([1, 0])) == pytest.approx(7 * math.log(10))
    assert brier_score(probabilities, np.array([0, 1])) == 0.0
    assert brier_score(probabilities, np.array([1, 0])) == 2.0


def test_reliability_by_hand() -> None:
    """Two bins of two: gaps of .1 and .4, weighted alike."""
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]])
    truth = np.array([0, 1, 0, 0])
    bins = reliability(probabilities, truth, bins=10)

    assert bins.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 2, 0]
    assert bins.confidence[[5, 8]] == pytest.approx([0.6, 0.9])
    assert bins.accuracy[[5, 8]].tolist() == [0.5, 0.5]
    assert bins.calibration_error == pytest.approx(0.1 / 2 + 0.4 / 2)


def test_scores_on_the_edges() -> None:
    """A score of 1 is in the last bin, one on an inner edge in the lower one."""
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    bins = reliability(probabilities, np.array([0, 0]), bins=2)

    assert bins.counts.tolist() == [1, 1]


@given(answers(), st.integers(1, 20))
def test_reliability_of_any_answers(drawn: tuple[Numbers, Indices], bins: int) -> None:
    """Every answer is in the bin of its score; the error is a share."""
    probabilities, truth = drawn
    sure = reliability(probabilities, truth, bins)
    seen = sure.counts > 0
    edges = np.arange(bins + 1) / bins

    assert int(sure.counts.sum()) == len(truth)
    assert (sure.confidence[seen] >= edges[:-1][seen] - 1e-9).all()
    assert (sure.confidence[seen] <= edges[1:][seen] + 1e-9).all()
    assert 0.0 <= sure.calibration_error <= 1.0


@given(answers())
def test_one_bin(drawn: tuple[Numbers, Indices]) -> None:
    """With a single bin the error is mean score minus accuracy."""
    probabilities, truth = drawn
    accuracy = (probabilities.argmax(axis=1) == truth).mean()
    gap = abs(probabilities.max(axis=1).mean() - accuracy)

    assert reliability(probabilities, truth, 1).calibration_error == pytest.approx(gap)
