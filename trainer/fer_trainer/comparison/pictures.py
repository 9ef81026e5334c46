"""Pictures of a comparison, as PNG files."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fer_trainer.comparison.compare import Contestant
from fer_trainer.sheets import contact_sheet

_FACES = 24


def curves_picture(contestants: Sequence[Contestant]) -> bytes | None:
    """Draw how accuracy and loss went, one colour a network; None without any run."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    known = [part for part in contestants if part.history]
    if not known:
        return None
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, what in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for index, part in enumerate(known):
            epochs = [row["epoch"] for row in part.history]
            colour = f"C{index}"
            axes.plot(
                epochs, [row[f"val_{what}"] for row in part.history],
                color=colour, marker=".", label=part.name,
            )  # fmt: skip
            axes.plot(
                epochs, [row[what] for row in part.history],
                color=colour, linestyle="--", alpha=0.6,
            )  # fmt: skip
        axes.set(xlabel="epoch", ylabel=what)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
        axes.legend(title="validation; dashed: training")
    return _png(figure)


def recall_picture(contestants: Sequence[Contestant]) -> bytes:
    """Draw the share of each class that each network finds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = contestants[0].evaluation.faces.labels
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    width = 0.8 / len(contestants)
    for index, part in enumerate(contestants):
        matrix = part.evaluation.matrix
        recall = np.diag(matrix) / matrix.sum(axis=1)
        places = np.arange(len(labels)) + (index - (len(contestants) - 1) / 2) * width
        bars = axes.bar(places, recall, width, label=part.name)
        if len(contestants) * len(labels) <= 24:
            axes.bar_label(bars, fmt="{:.0%}", fontsize=8)
    axes.set_xticks(range(len(labels)), labels)
    axes.set(ylabel="share found", ylim=(0, 1.05))
    # Beside the bars: none of them is to be hidden.
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return _png(figure)


def confusion_pictures(contestants: Sequence[Contestant]) -> bytes:
    """Draw every confusion matrix, four a row, as shares of what is labelled so."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = contestants[0].evaluation.faces.labels
    columns = min(4, len(contestants))
    rows = -(-len(contestants) // columns)
    side = 1.2 + 0.55 * len(labels)
    figure = Figure(figsize=(side * columns, side * rows), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, part in zip(parts, contestants, strict=False):
        matrix = part.evaluation.matrix
        shares = matrix / matrix.sum(axis=1, keepdims=True)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            axes.text(
                column, row, f"{share:.0%}", ha="center", va="center", fontsize=8,
                color="white" if share > 0.5 else "black",
            )  # fmt: skip
        ticks = range(len(labels))
        axes.set_xticks(ticks, labels, rotation=45, ha="right", fontsize=8)
        axes.set_yticks(ticks, labels, fontsize=8)
        axes.set_title(part.name, fontsize=9)
    for axes in parts[len(contestants) :]:
        axes.set_visible(False)
    parts[0].set(xlabel="answered", ylabel="labelled")
    return _png(figure)


def gained_faces(one: Contestant, other: Contestant) -> bytes | None:
    """Draw faces that one names right and the other wrong, the surest first."""
    faces = one.evaluation.faces
    gained = np.flatnonzero(one.right & ~other.right)
    sure = one.evaluation.probabilities.max(axis=1)[gained]
    chosen: npt.NDArray[np.int64] = gained[np.argsort(-sure, kind="stable")][:_FACES]
    if not len(chosen):
        return None
    captions = [
        f"{faces.labels[faces.classes[index]]}\n"
        f"not {faces.labels[other.evaluation.predicted[index]]}"
        for index in chosen
    ]
    return contact_sheet(faces.faces[chosen], captions)


def _png(figure: object) -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)  # type: ignore[attr-defined]
    return page.getvalue()
