"""Contact sheets: faces side by side, as the network gets them, with captions."""

import io
from collections.abc import Sequence

import numpy as np

from fer_contract.preprocess import Pixels

_DPI = 100
_FACE_INCHES = 0.72
_GAP_INCHES = 0.08
_CAPTION_INCHES = 0.15  # a line


def contact_sheet(
    faces: Pixels, captions: Sequence[str] | None = None, columns: int = 12
) -> bytes:
    """Draw faces in rows.

    Args:
        faces: uint8 (N, H, W, 1), 0-255, at least one.
        captions: N texts, of the same number of lines each, or None.
        columns: faces a row.

    Returns:
        A PNG file.

    Raises:
        ValueError: no face, or captions of another number.
    """
    # Not pyplot: it keeps global state and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not len(faces) or (captions is not None and len(captions) != len(faces)):
        raise ValueError(f"{len(faces)} faces, {captions and len(captions)} captions")
    columns = min(columns, len(faces))
    rows = -(-len(faces) // columns)
    lines = max((text.count("\n") + 1 for text in captions or ()), default=0)
    column_inches = _FACE_INCHES + _GAP_INCHES
    row_inches = column_inches + lines * _CAPTION_INCHES
    size = (columns * column_inches, rows * row_inches)
    figure = Figure(figsize=size, dpi=_DPI)
    FigureCanvasAgg(figure)
    for index, face in enumerate(faces):
        row, column = divmod(index, columns)
        top = 1 - row * row_inches / size[1]
        high = _FACE_INCHES / size[1]
        wide = _FACE_INCHES / size[0]
        left = (column + 0.5) / columns - wide / 2
        place = (left, top - high, wide, high)
        axes = figure.add_axes(place)
        axes.set_axis_off()
        axes.imshow(np.squeeze(face, axis=-1), cmap="gray", vmin=0, vmax=255)
        if captions is not None:
            figure.text(
                (column + 0.5) / columns,
                top - high,
                captions[index],
                ha="center",
                va="top",
                fontsize=6.5,
            )
    page = io.BytesIO()
    figure.savefig(page, format="png")
    return page.getvalue()
