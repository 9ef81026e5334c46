"""What a face shows: muscles as numbers, and how each emotion moves them."""

from dataclasses import astuple, dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

EMOTIONS = ("happy", "sad", "surprise", "neutral")
"""The classes, named as the folders of the original study."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Muscles of one face; all zero is a face at rest, 1 a strong movement."""

    mouth_curve: float = 0.0
    """Corners up (1) or down (-1)."""
    mouth_open: float = 0.0
    """Lips and jaw from closed (0) to wide open (1)."""
    mouth_width: float = 0.0
    """Drawn wide (1) or pursed (-1)."""
    lip_press: float = 0.0
    """Lips pressed and the lower one pushed up (1)."""
    brow_raise: float = 0.0
    """Whole brow up (1) or down (-1)."""
    inner_brow: float = 0.0
    """Inner ends up, outer down (1); the reverse, as in anger (-1)."""
    brow_knit: float = 0.0
    """Brows drawn together (1)."""
    eye_open: float = 0.0
    """Upper lids up so that white shows above the iris (1), or shut (-1)."""
    cheek: float = 0.0
    """Cheeks and lower lids raised, as in an honest smile (1)."""
    gaze_x: float = 0.0
    """Looks to the right of the picture (1) or to its left (-1)."""
    gaze_y: float = 0.0
    """Looks down (1) or up (-1)."""

    @classmethod
    def of(
        cls, emotion: str, rng: np.random.Generator, intensity: float | None = None
    ) -> Self:
        """Draw one way of showing an emotion.

        No two come out alike, and weak ones lie close to a neutral face, as in life.

        Args:
            emotion: one of ``EMOTIONS``.
            rng: the only source of chance.
            intensity: 0 hardly to 1 fully shown; by default drawn as well.

        Returns:
            The expression.

        Raises:
            ValueError: the emotion is none of ``EMOTIONS``.
        """
        if emotion not in EMOTIONS:
            raise ValueError(
                f"emotion {emotion!r}; one of {', '.join(EMOTIONS)} wanted"
            )
        drawn = max(0.5, min(rng.normal(0.95, 0.18), 1.25))
        strength = drawn if intensity is None else intensity
        rest = _REST_SPREAD * rng.standard_normal(_REST_SPREAD.size)
        typical, spread = _MOVES[emotion]
        variation = 1.0 + spread * rng.standard_normal(spread.size)
        moved = typical * np.clip(variation, 0.0, 2.0) * strength
        shown = cls(*np.clip(rest + moved, *_LIMITS).tolist())
        if emotion == "happy" and rng.random() < 0.3:
            # A smile with closed lips.
            shown = replace(shown, mouth_open=0.1 * shown.mouth_open)
        if emotion == "surprise" and rng.random() < 0.08:
            # Surprise in the eyes and brows alone.
            shown = replace(shown, mouth_open=0.35 * shown.mouth_open)
        if emotion == "sad" and rng.random() < 0.3:
            # Eyes cast down.
            shown = replace(shown, gaze_y=0.9)
        return shown

    def blend(self, other: Self, share: float) -> Self:
        """Return the expression at ``share`` (0-1) of the way to the other one."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return type(self)(*(a + (b - a) * share for a, b in pairs))


def _numbers(expression: Expression) -> npt.NDArray[np.float64]:
    return np.array(astuple(expression))


_REST_SPREAD = _numbers(
    Expression(
        mouth_curve=0.06,
        mouth_open=0.025,
        mouth_width=0.12,
        lip_press=0.1,
        brow_raise=0.13,
        inner_brow=0.1,
        brow_knit=0.13,
        eye_open=0.12,
        cheek=0.08,
        gaze_x=0.3,
        gaze_y=0.15,
    )
)
_SOME = 0.25
# The typical face of an emotion, and how far (as a share) each muscle strays from it.
_MOVES = {
    emotion: (_numbers(typical), _numbers(spread))
    for emotion, (typical, spread) in {
        "happy": (
            Expression(
                mouth_curve=0.95,
                mouth_open=0.45,
                mouth_width=0.6,
                brow_raise=0.1,
                eye_open=-0.18,
                cheek=0.85,
            ),
            Expression(_SOME, 0.5, 0.3, 0.0, 1.0, 0.0, 0.0, 0.6, 0.3),
        ),
        "sad": (
            Expression(
                mouth_curve=-0.85,
                mouth_width=-0.12,
                lip_press=0.6,
                brow_raise=-0.12,
                inner_brow=0.95,
                brow_knit=0.7,
                eye_open=-0.32,
                gaze_y=0.35,
            ),
            Expression(0.3, 0.0, 1.0, 0.5, 1.0, 0.3, 0.4, 0.5, 0.0, 0.0, 0.6),
        ),
        "surprise": (
            Expression(
                mouth_curve=-0.05,
                mouth_open=0.85,
                mouth_width=-0.6,
                brow_raise=0.95,
                inner_brow=0.25,
                brow_knit=-0.2,
                eye_open=0.62,
            ),
            Expression(2.0, 0.3, 0.5, 0.0, _SOME, 1.0, 0.5, _SOME),
        ),
        "neutral": (Expression(), Expression()),
    }.items()
}
_LIMITS = (
    _numbers(
        Expression(-1.3, 0.0, -1.0, 0.0, -1.0, -1.2, -0.5, -0.85, 0.0, -1.0, -1.0)
    ),
    _numbers(Expression(1.3, 1.1, 1.1, 1.2, 1.4, 1.4, 1.2, 1.2, 1.3, 1.0, 1.0)),
)
