"""The gates hold the interval against the bound, not the mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_converter.gates import Gates, float_parity, judge
from fer_converter.parity import Parity, compare, order_of_outputs
from fer_converter.verdicts import Outcome

DEFAULTS = Gates(max_accuracy_drop=1.0, min_agreement=0.97)


def parity(
    faces: int, *, agree: int, only_float: int = 0, only_int8: int = 0
) -> Parity:
    """Figures of a comparison in which nine faces of ten were right in float."""
    right = faces * 9 // 10
    return Parity(
        faces=faces,
        float_right=right,
        int8_right=right - only_float + only_int8,
        agree=agree,
        only_float_right=only_float,
        only_int8_right=only_int8,
        classes=(),
    )


def outcomes(figures: Parity, gates: Gates = DEFAULTS) -> tuple[Outcome, ...]:
    return tuple(verdict.outcome for verdict in judge(figures, gates))


def test_many_faces_and_little_lost() -> None:
    """Both gates pass."""
    figures = parity(2000, agree=1980, only_float=6, only_int8=4)
    assert outcomes(figures) == (Outcome.PASSED, Outcome.PASSED)


def test_much_lost_on_many_faces() -> None:
    """Both gates fail: even the kind end of the interval is out of bounds."""
    figures = parity(2000, agree=1800, only_float=150, only_int8=20)
    assert outcomes(figures) == (Outcome.FAILED, Outcome.FAILED)


def test_nothing_lost_but_few_faces() -> None:
    """Fifty faces without a difference do not show 97 % agreement: undecided."""
    assert outcomes(parity(50, agree=50)) == (Outcome.UNDECIDED, Outcome.UNDECIDED)


def test_a_mean_within_the_bound_is_not_enough() -> None:
    """A loss of 0.75 points that may be 1.4 does not pass a bound of 1."""
    figures = parity(800, agree=793, only_float=6)
    assert figures.drop == pytest.approx(0.75)
    assert outcomes(figures)[0] is Outcome.UNDECIDED
    assert outcomes(figures, Gates(2.0, 0.97))[0] is Outcome.PASSED


def test_a_verdict_names_figure_interval_and_bound() -> None:
    """So that console, report and error need nothing else."""
    drop, agreement = judge(
        parity(2000, agree=1980, only_float=6, only_int8=4), DEFAULTS
    )
    assert drop.saw == "+0.10 points (-0.24 to +0.44), at most 1.00 allowed"
    assert agreement.saw == "99.00% (98.46% to 99.35%), at least 97.00% wanted"


@given(
    faces=st.integers(1, 5000),
    disagree=st.integers(0, 5000),
    lost=st.integers(0, 5000),
    gained=st.integers(0, 5000),
)
def test_more_loss_never_turns_a_refusal_into_a_pass(
    faces: int, disagree: int, lost: int, gained: int
) -> None:
    """A property of both gates, whatever was counted."""
    lost, gained = lost % (faces // 2 + 1), gained % (faces // 2 + 1)
    disagree %= faces
    now = parity(faces, agree=faces - disagree, only_float=lost, only_int8=gained)
    if lost + gained >= faces:
        return
    worse = parity(
        faces, agree=faces - disagree - 1, only_float=lost + 1, only_int8=gained
    )
    for before, after in zip(outcomes(now), outcomes(worse), strict=True):
        assert before is Outcome.PASSED or after is not Outcome.PASSED


def test_compare_counts_each_face_once() -> None:
    """Right, wrong, agreed and a class at a time, on scores made by hand."""
    float_scores = np.eye(3)[[0, 1, 2, 0, 1]]
    int8_scores = np.eye(3)[[0, 1, 1, 2, 1]]
    classes = np.array([0, 1, 2, 2, 0])
    figures = compare(float_scores, int8_scores, classes, ("a", "b", "c"))
    assert (figures.float_right, figures.int8_right, figures.agree) == (3, 3, 3)
    assert (figures.only_float_right, figures.only_int8_right) == (1, 1)
    assert [(c.label, c.faces, c.float_right, c.int8_right) for c in figures.classes] \
        == [("a", 2, 1, 1), ("b", 1, 1, 1), ("c", 2, 1, 1)]  # fmt: skip


def test_flips_are_told_most_certain_first() -> None:
    """Which face, what each named and how sure; and how many of each class."""
    float_scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    int8_scores = np.array([[0.2, 0.8], [0.4, 0.6], [0.2, 0.8]])
    figures = compare(float_scores, int8_scores, np.array([0, 0, 1]), ("a", "b"))
    assert [(f.face, f.truth, f.by_float, f.by_int8) for f in figures.flips] == [
        (0, "a", "a", "b"),
        (1, "a", "a", "b"),
    ]
    assert figures.flips[0].float_score == 0.9
    assert [part.flips for part in figures.classes] == [2, 0]
    assert figures.chance == 0.5  # two heads of two


@pytest.mark.parametrize(
    ("difference", "outcome"), [(1e-6, Outcome.PASSED), (2e-5, Outcome.FAILED)]
)
def test_float_models_that_differ(difference: float, outcome: Outcome) -> None:
    """The unquantized conversion must be the model itself."""
    verdict = float_parity(difference)
    assert verdict.outcome is outcome
    assert "at most 1e-05 allowed" in verdict.saw


@given(st.permutations(("a", "b", "c", "d")))
def test_labels_in_another_order(order: list[str]) -> None:
    """A good model whose outputs are named wrongly: the right order is found."""
    labels = ("a", "b", "c", "d")
    classes = np.repeat(np.arange(4), 50)
    # Output k stands for order[k].
    scores = np.eye(4)[[order.index(labels[truth]) for truth in classes]]
    found = order_of_outputs(scores, classes, labels)
    assert found == (None if tuple(order) == labels else tuple(order))


@pytest.mark.parametrize(("faces", "count"), [(60, 4), (200, 4), (100, 7), (1000, 7)])
def test_a_model_that_guesses(faces: int, count: int) -> None:
    """No order is beyond doubt better; nothing is claimed, whatever the chance."""
    labels = tuple("abcdefg"[:count])
    for seed in range(200):
        rng = np.random.default_rng(seed)
        classes = rng.integers(0, count, faces)
        assert order_of_outputs(rng.random((faces, count)), classes, labels) is None


def test_a_model_that_names_one_class() -> None:
    """Calling that output the most frequent class would be right more often."""
    classes = np.repeat(np.arange(4), [800, 500, 500, 400])
    scores = np.tile([0.1, 0.1, 0.1, 0.7], (len(classes), 1))
    assert order_of_outputs(scores, classes, tuple("abcd")) is None


def test_a_mediocre_model_in_another_order() -> None:
    """Sixty per cent of nine classes, one of them rare, are enough to know."""
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(9), [30] + [100] * 8)
    told = np.where(rng.random(len(classes)) < 0.6, classes, rng.integers(0, 9, 830))
    labels = tuple("abcdefghi")
    assert order_of_outputs(np.eye(9)[told], classes, labels) is None
    assert order_of_outputs(np.eye(9)[8 - told], classes, labels) == labels[::-1]
