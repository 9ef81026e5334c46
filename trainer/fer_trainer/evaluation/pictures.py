"""Pictures of an evaluation, as PNG files."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fer_contract.metrics import reliability
from fer_trainer.evaluation.measure import Evaluation
from fer_trainer.evaluation.robustness import Curve
from fer_trainer.sheets import contact_sheet

_WORST = 48
_A_ROW = 3


def confusion_picture(evaluation: Evaluation) -> bytes:
    """Draw the confusion matrix: counts, coloured by their share of the row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels, matrix = evaluation.faces.labels, evaluation.matrix
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(1.6 + 1.1 * len(labels),) * 2, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*matrix.shape):
        axes.text(
            column,
            row,
            f"{matrix[row, column]:,}\n{shares[row, column]:.0%}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.5 else "black",
        )
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels, rotation=90, va="center")
    axes.set(xlabel="answered", ylabel="labelled", title=_title(evaluation))
    figure.colorbar(image, label="share of the labelled", shrink=0.8)
    return _png(figure)


def reliability_picture(evaluation: Evaluation) -> bytes:
    """Draw how often each score is right, and how often it is given."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sure = reliability(evaluation.probabilities, evaluation.faces.classes)
    bins = len(sure.counts)
    centres = (np.arange(bins) + 0.5) / bins
    figure = Figure(figsize=(5.5, 6), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    seen = sure.counts > 0
    upper.bar(centres[seen], sure.accuracy[seen], width=0.9 / bins, label="right")
    upper.plot(
        sure.confidence[seen],
        sure.confidence[seen],
        "o-",
        color="tab:orange",
        label="as sure as the score says",
    )
    upper.set(
        ylabel="share that is right",
        ylim=(0, 1),
        xlim=(0, 1),
        title=f"expected calibration error {sure.calibration_error:.1%}",
    )
    upper.legend(loc="upper left")
    lower.bar(centres, sure.counts, width=0.9 / bins, color="grey")
    lower.set(xlabel="score of the answer", ylabel="faces")
    return _png(figure)


def robustness_picture(curves: Sequence[Curve]) -> bytes:
    """Draw accuracy over the amount of each kind of change."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(curves) // _A_ROW)
    figure = Figure(figsize=(11, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subplots(rows, _A_ROW, sharey=True, squeeze=False).ravel()
    for axes, curve in zip(parts, curves, strict=False):
        facts = [point.facts() for point in curve.points]
        levels = [point["level"] for point in facts]
        axes.plot(levels, [point["accuracy"] for point in facts], "o-", label="labels")
        axes.fill_between(
            levels,
            [point["accuracy_95"][0] for point in facts],
            [point["accuracy_95"][1] for point in facts],
            alpha=0.2,
        )
        if "votes_accuracy" in facts[0]:
            votes = [point["votes_accuracy"] for point in facts]
            axes.plot(levels, votes, "s--", label="votes")
        axes.axvline(curve.disturbance.nothing, color="grey", alpha=0.5)
        axes.set(title=curve.disturbance.name, xlabel=curve.disturbance.unit)
        axes.grid(visible=True, alpha=0.3)
    for axes in parts[len(curves) :]:
        axes.set_visible(False)
    parts[0].set(ylim=(0, 1))
    parts[0].legend(loc="lower center")
    for row in range(rows):
        parts[row * _A_ROW].set_ylabel("accuracy")
    return _png(figure)


def worst_mistakes(evaluation: Evaluation) -> bytes | None:
    """Draw the faces answered wrong with the highest scores; None without any."""
    chosen = evaluation.worst(_WORST)
    if not len(chosen):
        return None
    labels = evaluation.faces.labels
    captions = [
        f"{labels[evaluation.faces.classes[index]]}\n"
        f"→ {labels[evaluation.predicted[index]]} "
        f"{evaluation.probabilities[index].max():.0%}"
        for index in chosen
    ]
    if evaluation.votes is not None:
        names = list(evaluation.votes.columns)
        columns = evaluation.votes.column_of(labels)
        for label, column in zip(labels, columns, strict=True):
            names[column] = label
        counts = evaluation.votes.of(evaluation.faces)[chosen]
        seen = [_most_voted(names, row) for row in counts]
        captions = [f"{a}\n{b}" for a, b in zip(captions, seen, strict=True)]
    return contact_sheet(evaluation.faces.faces[chosen], captions)


def _most_voted(names: Sequence[str], votes: npt.NDArray[np.int64]) -> str:
    """Say what most people saw, ``sad 7/10``; nothing stands out of a tie."""
    most = int(votes.max())
    if not most:
        return "no votes"
    if int((votes == most).sum()) > 1:
        return f"tied {most}/{int(votes.sum())}"
    return f"{names[int(votes.argmax())]} {most}/{int(votes.sum())}"


def _title(evaluation: Evaluation) -> str:
    right = int(np.trace(evaluation.matrix))
    faces = evaluation.faces
    return f"{faces.split}: {right:,} of {len(faces):,} right"


def _png(figure: object) -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)  # type: ignore[attr-defined]
    return page.getvalue()
