"""Pictures of a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def plot_curves(history: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draw accuracy and loss over the epochs, training against validation.

    Args:
        history: a value an epoch for ``accuracy``, ``loss`` and ``val_`` of each.
        path: PNG to write.
    """
    # Not pyplot: it keeps global state and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    epochs = range(1, len(history["loss"]) + 1)
    for axes, what in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        axes.plot(epochs, history[what], label="training (augmented)")
        axes.plot(epochs, history[f"val_{what}"], label="validation")
        axes.set(xlabel="epoch", ylabel=what)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
