"""A whole head: hair, neck, shoulders, skin and the light on it."""

import numpy as np

from .canvas import Canvas, Light, Points, ellipse, mirrored, ribbon, smooth
from .expression import Expression
from .features import (
    paint_brows,
    paint_eyes,
    paint_folds,
    paint_glasses,
    paint_mouth,
    paint_nose,
)
from .person import Person, mix, shade

# Half widths of an average head from the crown down to the chin: (half width, y).
_HEAD = np.array(
    [
        (0.0, -0.2),
        (0.17, -0.175),
        (0.29, -0.09),
        (0.375, 0.06),
        (0.41, 0.24),
        (0.412, 0.42),
        (0.392, 0.58),
        (0.345, 0.72),
        (0.26, 0.85),
        (0.15, 0.945),
        (0.0, 0.985),
    ]
)


def paint_person(
    canvas: Canvas,
    person: Person,
    expression: Expression,
    light: Light = (0.0, -0.3, 0.4),
) -> None:
    """Paint a person from the shoulders up.

    Args:
        canvas: where to paint; its ``place`` says where the face stands.
        person: whom to paint.
        expression: what the face shows.
        light: where it comes from, and how hard the shadows are.
    """
    rng = np.random.default_rng(person.texture)
    head = _head(person, expression)
    _paint_behind(canvas, person, head)
    skin = person.skin
    ears = [ellipse(s * 0.41 * person.head_width, 0.45, 0.045, 0.1) for s in (-1, 1)]
    canvas.fill(ears, shade(skin, 0.8), 1.0, soft=0.008)
    canvas.fill(head, skin, soft=0.004)
    # The sides turn away from the viewer and darken.
    rim = ribbon(np.concatenate([head, head[:1]]), 0.16, 1.0)
    canvas.fill(rim, shade(skin, 0.55), 0.4, soft=0.05, within=head)
    forehead = ellipse(0.0, 0.15, 0.2, 0.09)
    canvas.fill(forehead, shade(skin, 1.18), 0.4, soft=0.06)
    chin = ellipse(0.0, 0.915 + 0.06 * expression.mouth_open, 0.06, 0.03)
    canvas.fill(chin, shade(skin, 1.15), 0.35, soft=0.025)
    paint_folds(canvas, person, expression)
    _paint_beard(canvas, person, expression, head)
    paint_eyes(canvas, person, expression)
    paint_brows(canvas, person, expression)
    paint_nose(canvas, person, expression)
    paint_mouth(canvas, person, expression)
    if person.glasses:
        paint_glasses(canvas, person)
    hair = _paint_hair(canvas, person, rng)
    canvas.shine([head, *ears, *hair], 0.01, light)


def _head(person: Person, expression: Expression) -> Points:
    """Return the outline of the head; the chin follows an open mouth."""
    half = _HEAD.copy()
    half[:, 0] *= person.head_width
    lower = np.clip((half[:, 1] - 0.5) / 0.3, 0.0, 1.0)
    half[:, 0] *= 1.0 + (person.jaw - 1.0) * lower
    half[:, 1] += 0.065 * expression.mouth_open * lower
    return smooth(np.concatenate([half, mirrored(half[-2:0:-1])]), closed=True)


def _paint_behind(canvas: Canvas, person: Person, head: Points) -> None:
    """Paint hair that falls behind the head, the neck and the shoulders."""
    if person.hair_length:
        wide, bottom = 0.47 + 0.1 * person.hair_volume, 0.55 + 0.85 * person.hair_length
        back = smooth(
            [
                (0.0, -0.27 - 0.06 * person.hair_volume),
                (0.34, -0.18 - 0.05 * person.hair_volume),
                (wide, 0.12),
                (wide + 0.02, 0.55),
                (wide + 0.03, bottom),
                (0.2, bottom + 0.06),
                (-0.2, bottom + 0.06),
                (-wide - 0.03, bottom),
                (-wide - 0.02, 0.55),
                (-wide, 0.12),
                (-0.34, -0.18 - 0.05 * person.hair_volume),
            ],
            closed=True,
        )
        canvas.fill(back, shade(person.hair, 0.7), soft=0.012)
    neck = 0.25 * person.head_width * person.jaw
    throat = np.array(
        [
            (-neck, 0.7),
            (neck, 0.7),
            (neck, 1.15),
            (0.3, 1.3),
            (-0.3, 1.3),
            (-neck, 1.15),
        ]
    )
    canvas.fill(throat, shade(person.skin, 0.7), soft=0.006)
    canvas.fill(
        head + np.array([0.0, 0.07]), shade(person.skin, 0.4), 0.75, 0.05, within=throat
    )
    body = smooth(
        [
            (-0.24, 1.08),
            (0.0, 1.16),
            (0.24, 1.08),
            (0.62, 1.26),
            (0.86, 1.56),
            (0.95, 2.4),
            (0.9, 5.0),
            (-0.9, 5.0),
            (-0.95, 2.4),
            (-0.86, 1.56),
            (-0.62, 1.26),
        ],
        closed=True,
    )
    canvas.fill(body, person.clothes, soft=0.008)
    collar = ribbon(
        smooth([(-0.26, 1.07), (0.0, 1.17), (0.26, 1.07)], False), 0.05, 1.0
    )
    canvas.fill(collar, shade(person.clothes, 0.85), 0.8, soft=0.008)


def _paint_beard(
    canvas: Canvas, person: Person, expression: Expression, head: Points
) -> None:
    if not person.beard:
        return
    drop = 0.065 * expression.mouth_open
    tone = mix(shade(person.hair, 0.8), person.skin, 0.15)
    cheek = smooth(
        [
            (0.44, 0.42),
            (0.34, 0.6),
            (0.22, 0.69),
            (0.1, 0.665),
            (0.0, 0.655),
            (-0.1, 0.665),
            (-0.22, 0.69),
            (-0.34, 0.6),
            (-0.44, 0.42),
            (-0.46, 0.9),
            (0.0, 1.08 + drop),
            (0.46, 0.9),
        ],
        closed=True,
    )
    canvas.fill(cheek, tone, 0.85 * person.beard, soft=0.022, within=head)


def _paint_hair(
    canvas: Canvas, person: Person, rng: np.random.Generator
) -> list[Points]:
    """Paint the hair above the forehead; return its outlines."""
    wide = person.head_width
    if person.bald:
        sides = smooth([(0.4, 0.42), (0.36, 0.28), (0.4, 0.12), (0.45, 0.3)], True)
        sides = sides * (wide, 1.0)
        tone = mix(person.hair, person.skin, 0.3)
        canvas.fill([sides, mirrored(sides)], tone, 0.85, soft=0.012)
        return []
    high = 0.05 + 0.07 * person.hair_volume
    line, part = person.hairline, 0.16 * person.parting
    temple = line + 0.06
    cap = smooth(
        [
            (-0.395 * wide, 0.44),
            (-0.44 * wide, 0.2),
            (-0.40 * wide, -0.02 - 0.4 * high),
            (-0.22, -0.17 - high),
            (0.0, -0.2 - high),
            (0.22, -0.17 - high),
            (0.40 * wide, -0.02 - 0.4 * high),
            (0.44 * wide, 0.2),
            (0.395 * wide, 0.44),
            (0.375 * wide, 0.27),
            (0.31 * wide, temple),
            (part + 0.12, line + 0.015),
            (part, line - 0.03),
            (part - 0.12, line + 0.015),
            (-0.31 * wide, temple),
            (-0.375 * wide, 0.27),
        ],
        closed=True,
    )
    canvas.fill(cap + np.array([0.0, 0.03]), shade(person.skin, 0.5), 0.4, soft=0.022)
    caps = [cap]
    if person.hair_length:
        # Long hair frames the cheeks.
        curtain = smooth(
            [
                (0.37 * wide, 0.14),
                (0.375 * wide, 0.45),
                (0.42 * wide, 0.75),
                (0.4, 0.55 + 0.75 * person.hair_length),
                (0.56, 0.55 + 0.75 * person.hair_length),
                (0.52, 0.4),
                (0.46, 0.1),
            ],
            closed=True,
        )
        caps += [curtain, mirrored(curtain)]
    canvas.fill(caps, person.hair, soft=0.008)
    ends = rng.uniform(-0.42, 0.42, (8, 1))
    sway = rng.uniform(-0.03, 0.03, (8, 2))
    root = np.concatenate([0.7 * part + 0.25 * ends, 0.0 * ends - 0.16 - high], axis=1)
    foot = np.concatenate([1.05 * ends, 1.6 * np.maximum(np.abs(ends), 0.2)], axis=1)
    foot[:, 1] += line - 0.33
    half_way = (0.4, 0.45) * root + (0.6, 0.55) * foot + sway
    t = np.linspace(0.0, 1.0, 7)[:, np.newaxis, np.newaxis]
    lines = (1 - t) ** 2 * root + 2 * t * (1 - t) * half_way + t**2 * foot
    wide_by = (0.015, 0.0) * np.sin(np.pi * t)
    strands = list(
        np.concatenate([lines + wide_by, (lines - wide_by)[::-1]]).swapaxes(0, 1)
    )
    canvas.fill(strands[:4], shade(person.hair, 1.5), 0.35, soft=0.008, within=caps)
    canvas.fill(strands[4:], shade(person.hair, 0.5), 0.45, soft=0.008, within=caps)
    return caps
