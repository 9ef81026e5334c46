"""A folder of labelled drawn faces, laid out like the data of the original study."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError

from .expression import EMOTIONS, Expression
from .face import View, draw_face
from .person import Person

FACES_PER_CLASS: Mapping[str, int] = MappingProxyType(
    {"train": 600, "validation": 400, "test": 50}
)
"""Faces to draw of each class, by split."""


def data_set_face(
    seed: int, split: str, emotion: str, index: int
) -> npt.NDArray[np.uint8]:
    """Draw one face of the data set that a seed stands for.

    The seed, split, class and index name the face: it is the same however many are
    asked for. Each shows a person of its own, so nobody is in two splits.

    Args:
        seed: of the data set, 0 or more.
        split: such as ``train``.
        emotion: one of ``EMOTIONS``.
        index: of the face in its class, from 0.

    Returns:
        uint8 (48, 48), 0-255, grey.
    """
    folder = zlib.crc32(f"{split}/{emotion}".encode())
    rng = np.random.default_rng(np.random.SeedSequence((seed, folder, index)))
    person = Person.random(rng)
    return draw_face(person, Expression.of(emotion, rng), View.random(rng))


def write_data_set(
    folder: Path,
    faces_per_class: Mapping[str, int] = FACES_PER_CLASS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write ``folder/{split}/{emotion}/NNNNN.png``.

    With the same versions of numpy and OpenCV on the same kind of processor, the same
    seed gives the same bytes.

    Args:
        folder: where to write; made if missing.
        faces_per_class: how many faces of each class, by split.
        seed: of the data set, 0 or more.
        progress: called after each face with the faces done and the faces in all.

    Returns:
        How many faces were written.

    Raises:
        DataError: one of the splits is already there; its faces would be mixed.
    """
    for split in faces_per_class:
        if (folder / split).exists():
            raise DataError(f"{folder / split}: already there; name a new folder")
    total = sum(faces_per_class.values()) * len(EMOTIONS)
    done = 0
    for split, count in faces_per_class.items():
        for emotion in EMOTIONS:
            target = folder / split / emotion
            target.mkdir(parents=True)
            for index in range(count):
                face = data_set_face(seed, split, emotion, index)
                # Encoded here, for imwrite reports a full disk by False alone.
                _, png = cv2.imencode(".png", face)
                (target / f"{index:05d}.png").write_bytes(png.tobytes())
                done += 1
                if progress is not None:
                    progress(done, total)
    return done
