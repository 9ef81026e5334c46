"""Eyes, brows, nose, mouth and folds: the parts of a face that an expression moves."""

import numpy as np

from .canvas import Canvas, Points, ellipse, mirrored, ribbon, smooth
from .expression import Expression
from .person import Colour, Person, mix, shade

_DARK: Colour = (16.0, 14.0, 18.0)
_T = np.linspace(-1.0, 1.0, 17)
# Round mouths bulge like an ellipse; the exponent keeps the corners pointed.
_BULGE = (1.0 - _T**2) ** 0.62


def paint_eyes(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Paint sockets, eyeballs, irises, lids and lashes."""
    x, y = 0.18 * person.eye_distance, 0.39 + person.eye_height
    half = 0.079 * person.eye_size
    skin = person.skin
    cheek, opening = max(expression.cheek, 0.0), max(0.0, 1.0 + expression.eye_open)
    upper = half * 0.47 * opening
    lower = half * 0.36 * (1.0 - 0.55 * cheek) * min(1.0, 0.45 + 0.6 * opening)
    slant = 0.10 + 0.12 * max(expression.inner_brow, 0.0)

    sockets = [ellipse(s * (x - 0.008), y - 0.01, 0.115, 0.075) for s in (-1, 1)]
    canvas.fill(sockets, shade(skin, 0.6), 0.36, soft=0.03)
    nose_side = [ellipse(s * (x - 0.105), y - 0.012, 0.028, 0.05) for s in (-1, 1)]
    canvas.fill(nose_side, shade(skin, 0.5), 0.42, soft=0.022)
    pouch = ribbon(_arc(x, y + lower + 0.03, half * 0.95, 0.018), 0.02)
    canvas.fill(
        _both(pouch),
        shade(skin, 0.6),
        0.22 + 0.25 * person.age + 0.2 * cheek,
        soft=0.012,
    )

    across = half * _T
    # The outer corner stands higher at rest and sinks with a sad brow.
    tilt = (0.05 - slant) * across * -1.0
    lid = np.stack([x + across, y + tilt - upper * (1.0 - _T**2) ** 0.8], axis=1)
    rim = np.stack([x + across, y + tilt + lower * (1.0 - _T**2) ** 0.8], axis=1)
    balls = _both(np.concatenate([lid, rim[::-1]]))
    canvas.fill(balls, mix((206.0, 208.0, 212.0), skin, 0.25))
    gaze = (0.026 * expression.gaze_x, 0.02 * expression.gaze_y)
    size = 0.6 * half
    centres = [(s * x + gaze[0], y - 0.06 * half + gaze[1]) for s in (-1, 1)]
    iris = person.iris
    rings = [ellipse(cx, cy, size, size) for cx, cy in centres]
    canvas.fill(rings, (iris * 1.1, iris, iris * 0.85), within=balls)
    pupils = [ellipse(cx, cy, size * 0.55, size * 0.55) for cx, cy in centres]
    canvas.fill(pupils, _DARK, within=balls)
    under_lid = ribbon(lid + np.array([0.0, 0.012]), 0.03)
    canvas.fill(_both(under_lid), _DARK, 0.45, soft=0.008, within=balls)
    if opening > 0.45:
        glints = [ellipse(cx - 0.013, cy - 0.016, 0.009, 0.009) for cx, cy in centres]
        canvas.fill(glints, (250.0, 250.0, 250.0), 0.85, within=balls)

    lashes = 0.017 + 0.006 * person.lipstick
    canvas.fill(_both(ribbon(lid, lashes, 0.35)), _DARK, 0.9)
    canvas.fill(_both(ribbon(rim, 0.009, 0.4)), shade(skin, 0.4), 0.6)
    crease = lid - np.array([0.0, 0.022 + 0.008 * opening])
    canvas.fill(_both(ribbon(crease, 0.012)), shade(skin, 0.45), 0.55, soft=0.004)


def paint_brows(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Paint the brows, and the folds of the forehead that they raise."""
    x, y = 0.18 * person.eye_distance, 0.27 + person.eye_height
    raised = y - 0.062 * expression.brow_raise
    slant = expression.inner_brow + person.brow_slant
    knit = expression.brow_knit
    arch = 0.022 + 0.012 * expression.brow_raise - 0.014 * max(slant, 0.0)
    inner, outer = x - 0.105 - 0.016 * knit, x + 0.115
    brow = smooth(
        [
            (inner, raised + 0.002 - 0.056 * slant + 0.008 * knit),
            (inner + 0.07, raised - 0.45 * arch - 0.022 * slant),
            (x + 0.05, raised - arch + 0.012 * slant),
            (outer, raised + 0.024 + 0.034 * slant),
        ],
        closed=False,
    )
    tone = shade(person.hair, 0.75) if sum(person.hair) < 300.0 else (78.0, 92.0, 104.0)
    thick = 0.04 * person.brow_thickness
    canvas.fill(_both(ribbon(brow, thick, 0.45)), tone, 0.35, 0.012)
    canvas.fill(_both(ribbon(brow, 0.8 * thick, 0.35)), tone, 0.8, 0.004)
    dark = shade(person.skin, 0.5)
    lines = max(0.0, expression.brow_raise) * (0.15 + 0.45 * person.age)
    if lines > 0.05:
        tops = [raised - 0.075 - 0.045 * k for k in range(2)]
        folds = [ribbon(_arc(0.0, top, 0.22, -0.012), 0.012) for top in tops]
        canvas.fill(folds, dark, lines, soft=0.006)
    furrow = max(0.0, knit) * (0.3 + 0.4 * person.age)
    if furrow > 0.05:
        between = np.array([(0.024, raised - 0.02), (0.02, raised + 0.055)])
        canvas.fill(_both(ribbon(between, 0.016)), dark, furrow, 0.006)


def paint_nose(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Paint the bridge, tip, wings and nostrils, and the shadow below."""
    skin = person.skin
    tip = 0.39 + person.eye_height + 0.2 * person.nose_length
    wide = 0.072 * person.nose_width * (1.0 + 0.1 * max(expression.cheek, 0.0))
    dark = shade(skin, 0.5)
    bridge = smooth([(0.052, 0.33), (0.036, 0.42), (wide * 0.75, tip - 0.04)], False)
    canvas.fill(_both(ribbon(bridge, 0.04)), dark, 0.2, soft=0.02, lift=0.04)
    ridge = ribbon(np.array([(0.0, 0.3), (0.0, 0.42), (0.0, tip - 0.02)]), 0.05, 0.6)
    canvas.fill(ridge, shade(skin, 1.2), 0.5, soft=0.015, lift=0.07)
    canvas.fill(
        ellipse(0.0, tip, 0.033, 0.026), shade(skin, 1.22), 0.45, 0.014, lift=0.1
    )
    shadow = ellipse(0.0, tip + 0.05, wide * 0.95, 0.02)
    canvas.fill(shadow, dark, 0.5, soft=0.014, lift=0.02)
    wing = smooth(
        [
            (wide * 0.85, tip - 0.025),
            (wide * 1.12, tip + 0.008),
            (wide * 0.8, tip + 0.04),
        ],
        closed=False,
    )
    canvas.fill(_both(ribbon(wing, 0.016, 0.3)), dark, 0.6, soft=0.006, lift=0.04)
    holes = [ellipse(s * wide * 0.5, tip + 0.035, wide * 0.26, 0.0115) for s in (-1, 1)]
    canvas.fill(holes, shade(skin, 0.18), 0.85, soft=0.005, lift=0.06)


def paint_folds(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Paint cheeks, and the folds from the nose to the corners of the mouth."""
    skin, cheek = person.skin, max(expression.cheek, 0.0)
    lift = -0.035 * cheek
    apples = [ellipse(s * 0.24, 0.585 + lift, 0.085, 0.06) for s in (-1, 1)]
    canvas.fill(apples, shade(skin, 1.2), 0.25 + 0.3 * cheek, soft=0.035)
    corner_x, corner_y = _corner(person, expression)
    down = max(0.0, -expression.mouth_curve)
    depth = 0.08 + 0.2 * person.age + 0.42 * cheek + 0.1 * down
    fold = smooth(
        [
            (0.085, 0.575),
            (corner_x * 0.86 + 0.012, corner_y - 0.085),
            (corner_x + 0.038, corner_y - 0.005 + 0.03 * down),
        ],
        closed=False,
    )
    canvas.fill(
        _both(ribbon(fold, 0.024)), shade(skin, 0.5), min(depth, 0.75), soft=0.01
    )
    below = [
        ellipse(s * (corner_x + 0.012), corner_y + 0.012, 0.016, 0.02) for s in (-1, 1)
    ]
    canvas.fill(below, shade(skin, 0.5), 0.35, soft=0.012)


def paint_mouth(canvas: Canvas, person: Person, expression: Expression) -> None:
    """Paint lips, and what an open mouth shows: teeth, tongue, darkness."""
    skin = person.skin
    half, top = _corner(person, expression)
    centre = 0.75 + person.mouth_height
    gap = 0.18 * max(0.0, expression.mouth_open - 0.04)
    press = expression.lip_press
    line = centre - 0.012 * press + (top - centre) * _T**2
    line = line + 0.3 * (centre - top) * (1.0 - _T**2)
    smile = float(np.clip(expression.mouth_curve, 0.0, 1.0))
    # A smile opens downwards, below a straight row of teeth.
    above = line - gap * (0.38 - 0.25 * smile) * _BULGE
    below = line + gap * (0.62 + 0.15 * smile) * _BULGE
    full = person.lip_fullness * (1.0 - 0.3 * press) * (1.0 - 0.25 * smile)
    dip = 0.009 * np.exp(-((_T / 0.16) ** 2)) - 0.004 * np.exp(
        -(((abs(_T) - 0.3) / 0.2) ** 2)
    )
    outer_above = above - 0.03 * full * _BULGE + dip
    outer_below = below + (0.042 * full + 0.01 * press) * (1.0 - _T**2) ** 0.8
    x = half * _T

    bare = mix(shade(skin, 0.72 + 0.2 * person.beard), (70.0, 70.0, 150.0), 0.3)
    lip = mix(bare, (48.0, 36.0, 120.0), 0.75 * person.lipstick)
    chin = ellipse(0.0, float(outer_below[8]) + 0.026, half * 0.6, 0.016)
    canvas.fill(chin, shade(skin, 0.5), 0.42 + 0.15 * press, soft=0.014)
    groove = ellipse(0.0, float(outer_above[8]) - 0.03, 0.013, 0.025)
    canvas.fill(groove, shade(skin, 0.6), 0.3, soft=0.01)
    lips = _closed(x, outer_above, outer_below)
    canvas.fill(lips, lip, 0.9, soft=0.006)
    canvas.fill(_closed(x, outer_above, above), shade(lip, 0.72), 0.5, soft=0.004)
    shine = ellipse(0.0, float(below[8]) + 0.02 * full, half * 0.45, 0.009 * full)
    canvas.fill(shine, shade(lip, 1.4), 0.4, soft=0.008)
    mouth = _closed(x * 0.96, above, below)
    if gap > 0.003:
        canvas.fill(mouth, (26.0, 20.0, 42.0), 0.97)
        tongue = ellipse(0.0, float(below[8]), half * 0.6, gap * 0.38)
        canvas.fill(tongue, (70.0, 60.0, 120.0), 0.55, soft=0.012, within=mouth)
        edge = above + np.minimum(0.2 * gap + 0.05 * smile, 0.055) * (1.0 - _T**4)
        teeth = _closed(x * 0.84, above - 0.002, edge)
        bright = 0.35 + 0.6 * smile
        canvas.fill(teeth, (205.0, 216.0, 222.0), bright, soft=0.004, within=mouth)
    else:
        seam = ribbon(np.stack([x, line], axis=1), 0.014, 0.5)
        canvas.fill(seam, shade(skin, 0.2), 0.8, soft=0.003)


def paint_glasses(canvas: Canvas, person: Person) -> None:
    """Paint the frame of the glasses, its bridge and its arms."""
    x, y = 0.18 * person.eye_distance, 0.4 + person.eye_height
    tone = shade((60.0, 60.0, 64.0), 1.4 - person.glasses)
    outer, inner = ellipse(x, y, 0.135, 0.108), ellipse(x, y, 0.122, 0.095)
    # An outline back along the inner edge leaves the glass clear.
    rim = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    arm = ribbon(
        np.array([(x + 0.13, y - 0.03), (0.37 * person.head_width, y - 0.035)]),
        0.016,
        1.0,
    )
    bridge = ribbon(_arc(0.0, y - 0.02, x - 0.128, -0.012), 0.015, 1.0)
    canvas.fill([*_both(rim), *_both(arm), bridge], tone, 0.9, soft=0.003, lift=0.03)


def _corner(person: Person, expression: Expression) -> tuple[float, float]:
    """Return x and y of the right corner of the mouth."""
    curve = expression.mouth_curve + 0.6 * person.mouth_curve
    wide = 1.0 + (0.27 if expression.mouth_width > 0 else 0.36) * expression.mouth_width
    half = 0.148 * person.mouth_width * wide * (1.0 - 0.06 * abs(curve))
    rise = (0.052 if curve > 0 else 0.042) * curve
    return half, 0.75 + person.mouth_height - rise + 0.02 * expression.mouth_open


def _both(points: Points) -> list[Points]:
    return [points, mirrored(points)]


def _arc(x: float, y: float, half: float, sag: float) -> Points:
    """Return a flat arc whose middle hangs lower by ``sag``."""
    return np.stack([x + half * _T, y + sag * (1.0 - _T**2)], axis=1)


def _closed(x: Points, upper: Points, lower: Points) -> Points:
    there = np.stack([x, upper], axis=1)
    return np.concatenate([there, np.stack([x, lower], axis=1)[::-1]])
