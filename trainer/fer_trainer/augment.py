"""What a training face may look like otherwise: moved, turned, lit differently.

Faces stay uint8 0-255 throughout, so what is drawn on a sample sheet is what the
network sees.
"""

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.preprocess import Pixels
from fer_trainer.recipes import Augmentation

Numbers = npt.NDArray[np.float32]


def augment(faces: Pixels, plan: Augmentation, rng: np.random.Generator) -> Pixels:
    """Return one changed copy of each face.

    Args:
        faces: uint8 (N, H, W, 1), 0-255.
        plan: how much may change.
        rng: decides; the same state gives the same faces.

    Returns:
        uint8 (N, H, W, 1), 0-255.
    """
    moved = _move(faces[..., 0], plan, rng)
    if plan.downscale > 1:
        _coarsen(moved, plan, rng)
    if plan.blur:
        _blur(moved, plan, rng)
    if plan.side_light:
        _light_from_a_side(moved, plan, rng)
    _light(moved, plan, rng)
    if plan.noise:
        _grain(moved, plan, rng)
    changed = moved.astype(np.uint8)
    if plan.erase:
        _erase(changed, plan, rng)
    return changed[..., np.newaxis]


def _move(faces: Pixels, plan: Augmentation, rng: np.random.Generator) -> Numbers:
    """Mirror, turn, shear, zoom and shift; float32 (N, H, W)."""
    count, height, width = faces.shape
    transforms = _transforms(count, height, width, plan, rng)
    # Row by row, as OpenCV wants it: scaled faces may lie in memory by columns.
    source = faces.astype(np.float32, order="C")
    moved = np.empty_like(source)
    for index in range(count):
        cv2.warpAffine(
            source[index],
            transforms[index],
            (width, height),
            dst=moved[index],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return moved


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
    if plan.shear_degrees:
        shear = np.deg2rad(rng.uniform(-plan.shear_degrees, plan.shear_degrees, count))
        slant = np.tile(np.eye(2), (count, 1, 1))
        slant[:, 0, 1] = np.tan(shear)
        slant[:, 1, 1] = 1 / np.cos(shear)
        linear = linear @ slant
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre + shift - linear @ centre
    return np.concatenate([linear, offset[:, :, np.newaxis]], axis=2)


def _coarsen(faces: Numbers, plan: Augmentation, rng: np.random.Generator) -> None:
    """Take the detail out of a share of the faces, in place."""
    count, height, width = faces.shape
    factors = rng.uniform(1, plan.downscale, size=(count,))
    for index in np.flatnonzero(rng.random(count) < plan.share):
        size = (
            max(1, round(width / factors[index])),
            max(1, round(height / factors[index])),
        )
        small = cv2.resize(faces[index], size, interpolation=cv2.INTER_AREA)
        cv2.resize(
            small, (width, height), dst=faces[index], interpolation=cv2.INTER_LINEAR
        )


def _blur(faces: Numbers, plan: Augmentation, rng: np.random.Generator) -> None:
    """Blur a share of the faces, in place."""
    sigmas = rng.uniform(0, plan.blur, len(faces))
    for index in np.flatnonzero(rng.random(len(faces)) < plan.share):
        # OpenCV takes a sigma of 0 for "choose one".
        sigma = max(0.05, float(sigmas[index]))
        cv2.GaussianBlur(faces[index], (0, 0), sigma, dst=faces[index])


def _light_from_a_side(
    faces: Numbers, plan: Augmentation, rng: np.random.Generator
) -> None:
    """Let light fall off across a share of the faces, whichever way, in place."""
    count, height, width = faces.shape
    chosen = np.flatnonzero(rng.random(count) < plan.share)
    angle = rng.uniform(0, 2 * np.pi, (len(chosen), 1, 1))
    loss = rng.uniform(0, plan.side_light, (len(chosen), 1, 1))
    across = np.linspace(-1, 1, width)[np.newaxis, np.newaxis, :]
    down = np.linspace(-1, 1, height)[np.newaxis, :, np.newaxis]
    along = (across * np.cos(angle) + down * np.sin(angle)) / np.sqrt(2)  # -1 to 1
    faces[chosen] *= (1 - loss * (1 + along) / 2).astype(np.float32)


def _grain(faces: Numbers, plan: Augmentation, rng: np.random.Generator) -> None:
    """Add noise to a share of the faces; leaves whole numbers 0 to 255, in place."""
    chosen = np.flatnonzero(rng.random(len(faces)) < plan.share)
    deviation = rng.uniform(0, plan.noise, (len(chosen), 1, 1)).astype(np.float32)
    grain = rng.standard_normal((len(chosen), *faces.shape[1:]), dtype=np.float32)
    faces[chosen] = np.clip(np.rint(faces[chosen] + deviation * grain), 0, 255)


def _light(faces: Numbers, plan: Augmentation, rng: np.random.Generator) -> None:
    """Change contrast and brightness; leaves whole numbers 0 to 255, in place."""
    count = len(faces)
    if plan.contrast or plan.brightness:
        gain = rng.uniform(1 - plan.contrast, 1 + plan.contrast, (count, 1, 1))
        offset = rng.uniform(-plan.brightness, plan.brightness, (count, 1, 1))
        mean = faces.mean(axis=(1, 2), keepdims=True)
        faces *= gain.astype(np.float32)
        faces += np.float32(mean * (1 - gain) + offset)
    if plan.brightness_factor != (1.0, 1.0):
        faces *= rng.uniform(*plan.brightness_factor, (count, 1, 1)).astype(np.float32)
    np.rint(faces, out=faces)
    np.clip(faces, 0, 255, out=faces)


def _erase(faces: Pixels, plan: Augmentation, rng: np.random.Generator) -> None:
    """Cover a part of a share of the faces, in place: a hand, hair, a glare.

    Filled with one random grey level. Source: Zhong et al. 2017, arXiv 1708.04896.
    """
    count, height, width = faces.shape
    sides = np.maximum(
        1, rng.uniform(0, plan.erase, (count, 2)) * (height, width)
    ).astype(int)
    corners = (rng.random((count, 2)) * ((height, width) - sides + 1)).astype(int)
    greys = rng.integers(0, 256, size=(count,))
    for index in np.flatnonzero(rng.random(count) < plan.share):
        (top, left), (high, wide) = corners[index], sides[index]
        faces[index, top : top + high, left : left + wide] = greys[index]
