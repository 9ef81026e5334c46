"""Charts as SVG, to stand inside of a page: no picture file, no script."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from fer_contract.metrics import Reliability
from fer_contract.preprocess import Pixels

_WIDTH, _HEIGHT = 300, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 40

_CLEAR = 60.0
"""Decibels beyond which a layer's noise no longer matters."""

Points = Sequence[tuple[float, float]]
Ticks = Sequence[tuple[float, str]]
_SHARES: Ticks = ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))


def reliability_chart(part: Reliability, title: str) -> Markup:
    """Draw how often answers are right by their score; both axes are 0 to 1."""
    bins = len(part.counts)
    bars = [
        _rectangle(index / bins, (index + 1) / bins, float(part.accuracy[index]))
        for index in range(bins)
        if part.counts[index]
    ]
    diagonal = _line([(0, 0), (1, 1)], "ideal")
    return _chart([*bars, diagonal], title, "score of the answer", "share right")


def coverage_chart(points: Points, chosen: float, title: str) -> Markup:
    """Draw accuracy over coverage, each 0 to 1, and mark a coverage."""
    marker = _line([(chosen, 0), (chosen, 1)], "ideal")
    return _chart([_line(points, "curve"), marker], title, "share told", "share right")


def layer_chart(decibels: Sequence[float], title: str) -> Markup:
    """Draw the signal-to-noise ratio from layer to layer; 60 dB is full height."""
    last = max(1, len(decibels) - 1)
    points = [
        (index / last, min(max(value, 0.0), _CLEAR) / _CLEAR)
        for index, value in enumerate(decibels)
    ]
    return _chart(
        [_line(points, "curve")],
        title,
        "layer",
        "SNR (dB)",
        x_ticks=[(0.0, "1"), (1.0, f"{len(decibels)}")],
        y_ticks=[(value / _CLEAR, f"{value:g}") for value in (0.0, 20.0, 40.0, 60.0)],
    )


def face_picture(face: Pixels) -> bytes:
    """Return a face, uint8 (H, W, 1), as a PNG file."""
    import cv2

    done, content = cv2.imencode(".png", face)
    assert done
    pixels: npt.NDArray[np.uint8] = content
    return pixels.tobytes()


def _chart(
    marks: Sequence[str],
    title: str,
    across: str,
    up: str,
    *,
    x_ticks: Ticks = _SHARES,
    y_ticks: Ticks = _SHARES,
) -> Markup:
    plot = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    grid = []
    for share, text in y_ticks:
        _, y = _place(0, share)
        grid.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + plot[0]}" '
                    f'y1="{y:.1f}" y2="{y:.1f}"/>'
                    f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                    f'{text}</text>')  # fmt: skip
    for share, text in x_ticks:
        x, _ = _place(share, 0)
        grid.append(f'<text x="{x:.1f}" y="{_TOP + plot[1] + 16}" '
                    f'text-anchor="middle">{text}</text>')  # fmt: skip
    middle = _TOP + plot[1] / 2
    return Markup(
        f'<svg role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"<title>{escape(title)}</title>{''.join(grid)}{''.join(marks)}"
        f'<text x="{_LEFT + plot[0] / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(across)}</text>"
        f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text></svg>"
    )


def _place(x: float, y: float) -> tuple[float, float]:
    return (
        _LEFT + x * (_WIDTH - _LEFT - _RIGHT),
        _TOP + (1 - y) * (_HEIGHT - _TOP - _BOTTOM),
    )


def _line(points: Points, kind: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*p) for p in points))
    return f'<polyline class="{kind}" points="{places}"/>'


def _rectangle(left: float, right: float, top: float) -> str:
    x, y = _place(left, top)
    end, bottom = _place(right, 0)
    return (
        f'<rect class="bar" x="{x + 0.5:.1f}" y="{y:.1f}" width="{end - x - 1:.1f}" '
        f'height="{bottom - y:.1f}"/>'
    )
