"""The curves of a training, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def plot_curves(
    history: Sequence[Mapping[str, float]], best_epoch: int, path: Path
) -> None:
    """Draw accuracy, loss and learning rate over the epochs.

    Args:
        history: an epoch each: ``epoch``, ``accuracy``, ``loss``, ``val_`` of both,
            and ``learning_rate``.
        best_epoch: the one that was kept, from 1; marked.
        path: PNG to write.
    """
    # Not pyplot: it keeps global state and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(14, 4), layout="constrained")
    FigureCanvasAgg(figure)
    epochs = [row["epoch"] for row in history]
    parts = figure.subplots(1, 3)
    for axes, what in zip(parts, ("accuracy", "loss", "learning_rate"), strict=True):
        label = "training (augmented)"
        if what == "learning_rate":
            label = "at the epoch's end"
        # Beyond one epoch a line; a single one would not show.
        axes.plot(epochs, [row[what] for row in history], label=label, marker=".")
        if f"val_{what}" in history[0]:
            values = [row[f"val_{what}"] for row in history]
            axes.plot(epochs, values, label="validation", marker=".")
        axes.axvline(best_epoch, color="grey", linestyle=":", label="kept")
        axes.set(xlabel="epoch", ylabel=what.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
