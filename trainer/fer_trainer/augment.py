"""What a training face may look like otherwise: moved, turned, lit differently.

Faces stay uint8 0-255 throughout, so what is drawn on a sample sheet is what the
network sees.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.preprocess import Pixels


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The largest change of each kind; each face draws its own, uniformly."""

    flip: bool = True
    """Mirror every second face."""
    rotation_degrees: float = 12.0
    """Either way."""
    shift: float = 0.08
    """Either way, as a share of the side. A detector's box moves about this much."""
    zoom: float = 0.12
    """In and out; 0.1 is 90 % to 110 %."""
    brightness: float = 30.0
    """Added or taken away, in grey levels."""
    contrast: float = 0.3
    """Either way, as a share, about the face's own mean."""


def augment(faces: Pixels, plan: Augmentation, rng: np.random.Generator) -> Pixels:
    """Return one changed copy of each face.

    Args:
        faces: uint8 (N, H, W, 1), 0-255.
        plan: how much may change.
        rng: decides; the same state gives the same faces.

    Returns:
        uint8 (N, H, W, 1), 0-255.
    """
    count, height, width, _ = faces.shape
    transforms = _transforms(count, height, width, plan, rng)
    moved = np.empty((count, height, width), dtype=np.float32)
    for index in range(count):
        cv2.warpAffine(
            faces[index, :, :, 0].astype(np.float32),
            transforms[index],
            (width, height),
            dst=moved[index],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    gain = rng.uniform(1 - plan.contrast, 1 + plan.contrast, (count, 1, 1))
    offset = rng.uniform(-plan.brightness, plan.brightness, (count, 1, 1))
    mean = moved.mean(axis=(1, 2), keepdims=True)
    lit = np.clip(np.rint((moved - mean) * gain + mean + offset), 0, 255)
    changed: Pixels = lit.astype(np.uint8)[..., np.newaxis]
    return changed


def _transforms(
    count: int, height: int, width: int, plan: Augmentation, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw N affine maps (N, 2, 3) about the centre of the face."""
    angle = np.deg2rad(
        rng.uniform(-plan.rotation_degrees, plan.rotation_degrees, count)
    )
    scale = rng.uniform(1 - plan.zoom, 1 + plan.zoom, count)
    shift = rng.uniform(-plan.shift, plan.shift, (count, 2)) * (width, height)
    mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0) if plan.flip else 1.0
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0] = scale * np.cos(angle) * mirror
    linear[:, 0, 1] = -scale * np.sin(angle)
    linear[:, 1, 0] = scale * np.sin(angle) * mirror
    linear[:, 1, 1] = scale * np.cos(angle)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre + shift - linear @ centre
    return np.concatenate([linear, offset[:, :, np.newaxis]], axis=2)
