"""Who is drawn: the traits of a face that no expression changes."""

from dataclasses import dataclass
from typing import Self

import numpy as np

Colour = tuple[float, float, float]
"""Blue, green, red, 0-255."""

# From very light to very dark; a person's skin lies between two neighbours.
_SKINS: tuple[Colour, ...] = (
    (166.0, 188.0, 224.0),
    (144.0, 170.0, 212.0),
    (122.0, 154.0, 204.0),
    (88.0, 120.0, 172.0),
    (66.0, 94.0, 142.0),
)
# Black, dark brown, brown, red, blond, grey.
_HAIRS: tuple[Colour, ...] = (
    (28.0, 26.0, 26.0),
    (36.0, 44.0, 58.0),
    (46.0, 66.0, 96.0),
    (40.0, 74.0, 136.0),
    (104.0, 154.0, 188.0),
    (150.0, 152.0, 154.0),
)
_HAIR_SHARES = np.cumsum((0.30, 0.25, 0.20, 0.07, 0.10))


@dataclass(frozen=True, slots=True)
class Person:
    """One identity. Lengths are factors of an average face unless they say more."""

    head_width: float = 1.0
    jaw: float = 1.0
    """Width of the jaw; below 1 a pointed chin, above a square one."""
    eye_distance: float = 1.0
    eye_size: float = 1.0
    eye_height: float = 0.0
    """Eyes, and the brows with them, further down, in shares of the face's side."""
    brow_thickness: float = 1.0
    brow_slant: float = 0.0
    """At rest: above 0 the inner ends stand higher, as when sad."""
    nose_length: float = 1.0
    nose_width: float = 1.0
    mouth_width: float = 1.0
    mouth_height: float = 0.0
    """Mouth further down, in shares of the face's side."""
    lip_fullness: float = 1.0
    mouth_curve: float = 0.0
    """At rest: above 0 the corners stand higher, as in a smile."""
    skin: Colour = _SKINS[1]
    hair: Colour = _HAIRS[1]
    lipstick: float = 0.0
    """0 bare lips to 1 dark red ones."""
    iris: float = 60.0
    """Grey level of the iris, 0-255."""
    hair_length: float = 0.0
    """0 short to 1 down to the shoulders."""
    hair_volume: float = 0.5
    """0 close to the head to 1 voluminous."""
    hairline: float = 0.08
    """Where the forehead begins, in shares of the face's side below its top."""
    parting: float = 0.0
    """-1 parted at the left of the picture to 1 at its right."""
    bald: bool = False
    beard: float = 0.0
    """0 shaven to 1 a full beard."""
    glasses: float = 0.0
    """0 none, else the darkness of the frame up to 1."""
    age: float = 0.3
    """0 smooth skin to 1 deep folds."""
    clothes: Colour = (90.0, 70.0, 60.0)
    texture: int = 0
    """Seed of what is irregular in the skin and hair."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Self:
        """Draw a person whom nobody has met.

        Args:
            rng: the only source of chance; the same state gives the same person.

        Returns:
            The person.
        """

        def about(mean: float, spread: float, reach: float = 2.0) -> float:
            return mean + spread * max(-reach, min(rng.standard_normal(), reach))

        cloth = rng.uniform(40.0, 150.0)
        woman = bool(rng.random() < 0.5)
        skin = _between(_SKINS, float(rng.random()) ** 1.4)
        dark_skin = skin[1] < 125.0
        hair = _HAIRS[0 if dark_skin else int(_HAIR_SHARES.searchsorted(rng.random()))]
        long_hair = rng.random() < (0.8 if woman else 0.06)
        bearded = not woman and rng.random() < 0.25
        return cls(
            head_width=about(0.97 if woman else 1.01, 0.035),
            jaw=about(0.92 if woman else 1.04, 0.06),
            eye_distance=about(1.0, 0.045),
            eye_size=about(1.06 if woman else 0.97, 0.08),
            eye_height=about(0.0, 0.012),
            brow_thickness=about(0.75 if woman else 1.2, 0.18),
            brow_slant=about(0.0, 0.1),
            nose_length=about(1.0, 0.06),
            nose_width=about(0.93 if woman else 1.08, 0.09),
            mouth_width=about(1.0, 0.06),
            mouth_height=about(0.0, 0.012),
            lip_fullness=about(1.1 if woman else 0.9, 0.16),
            mouth_curve=about(0.0, 0.08),
            skin=skin,
            hair=hair,
            lipstick=float(rng.random()) ** 2 if woman else 0.0,
            iris=float(rng.uniform(30.0, 60.0 if dark_skin else 110.0)),
            hair_length=float(rng.uniform(0.5, 1.0) if long_hair else 0.0),
            hair_volume=float(rng.random()),
            hairline=about(0.07, 0.035),
            parting=float(rng.uniform(-1.0, 1.0)),
            bald=not woman and bool(rng.random() < 0.12),
            beard=float(rng.uniform(0.25, 0.75) if bearded else 0.0),
            glasses=float(rng.uniform(0.5, 1.0) if rng.random() < 0.13 else 0.0),
            age=float(rng.random()),
            clothes=(
                cloth + rng.uniform(-30.0, 35.0),
                cloth + rng.uniform(-30.0, 25.0),
                cloth + rng.uniform(-30.0, 30.0),
            ),
            texture=int(rng.integers(1 << 31)),
        )


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour at ``share`` of the way from the first to the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour darkened (below 1) or lightened (above 1)."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _between(colours: tuple[Colour, ...], share: float) -> Colour:
    position = share * (len(colours) - 1)
    first = min(int(position), len(colours) - 2)
    return mix(colours[first], colours[first + 1], position - first)
