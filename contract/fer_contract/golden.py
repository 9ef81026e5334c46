"""Golden vectors: pixels and outputs that every engine must reproduce.

A bundle carries a drawn frame, boxes in it, the faces that ``crop_face`` made of
them where the model was converted, and the model's outputs for these. The device
repeats both steps before it reports its first emotion. No face of a data set is used.
"""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import ManifestError, RefusedError
from fer_contract.preprocess import Box, InputSpec, Pixels, crop_face

# Of another version or on another architecture a kernel may round another way: LiteRT's
# softmax is other code on aarch64 than on x86-64, and gives one face in a hundred a
# score that differs by a step, all layers before it alike. An Edge TPU rounds each
# layer its own way. Two steps of 256 beyond what two sets of kernels give never change
# what a person would call the face. Where both are the same, all must be equal.
TOLERANCE_ELSEWHERE = 2

# LiteRT learns from it what the processor can do. In a container without /proc it takes
# kernels that round each layer otherwise: as on another machine.
_PROCESSOR = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs and what must come out, N of them."""

    frame: Pixels
    """uint8 (H, W, 3), BGR."""
    boxes: npt.NDArray[np.float64]
    """(N, 4): x, y, width, height in pixels."""
    faces: Pixels
    """uint8 (N, height, width, 1)."""
    outputs: npt.NDArray[np.uint8]
    """(N, C), the model's quantized outputs."""
    plain: npt.NDArray[np.uint8]
    """(N, C), the same by the runtime's own kernels, without XNNPACK.

    They round each layer in whole numbers, and XNNPACK in floating point, both
    correctly, which over a deep network comes to some steps.
    """
    runtime: str
    """Name and version of what computed the outputs."""
    machine: str
    """Architecture of its processor, as ``platform.machine`` says, and whether
    LiteRT could know more of it."""

    def save(self, path: Path) -> None:
        """Write the vectors as ``.npz``; the same vectors make the same bytes."""
        np.savez(
            path,
            frame=self.frame,
            boxes=self.boxes,
            faces=self.faces,
            outputs=self.outputs,
            plain=self.plain,
            runtime=np.array(self.runtime),
            machine=np.array(self.machine),
        )

    @classmethod
    def load(cls, path: Path) -> "Golden":
        """Read vectors.

        Raises:
            ManifestError: the file is not what ``save`` writes.
        """
        try:
            # numpy leaves a file that it opened itself open when that is damaged.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                golden = cls(
                    frame=arrays["frame"],
                    boxes=arrays["boxes"],
                    faces=arrays["faces"],
                    outputs=arrays["outputs"],
                    plain=arrays["plain"],
                    runtime=str(arrays["runtime"]),
                    machine=str(arrays["machine"]),
                )
        except OSError as failure:
            raise ManifestError(f"{path}: {failure.strerror or failure}") from failure
        # numpy and zipfile pass on whatever a damaged header leads them to.
        except Exception as mistake:
            raise ManifestError(f"{path}: no golden vectors, or damaged") from mistake
        golden._check_form(path)
        return golden

    def _check_form(self, path: Path) -> None:
        """Refuse arrays that ``save`` never writes, before any use of them."""
        count = self.boxes.shape[:1]
        pixels = (self.frame, self.faces, self.outputs, self.plain)
        if (
            any(array.dtype != np.uint8 for array in pixels)
            or self.frame.shape[2:] != (3,)
            or self.boxes.dtype != np.float64
            or self.boxes.shape != (*count, 4)
            or count == (0,)
            or not count == self.faces.shape[:1] == self.outputs.shape[:1]
            or self.outputs.shape != self.plain.shape
        ):
            shapes = ", ".join(
                f"{array.dtype} {array.shape}" for array in (*pixels, self.boxes)
            )
            raise ManifestError(f"{path}: golden vectors of an odd form: {shapes}")

    def check(
        self,
        spec: InputSpec,
        classify: Callable[[Pixels], npt.NDArray[np.uint8]],
        runtime: str,
        where: str,
    ) -> None:
        """Repeat both steps and compare.

        The same runtime on the same machine must give ``outputs``; another one what
        lies between these and ``plain``, or ``TOLERANCE_ELSEWHERE`` beyond.

        Args:
            spec: the model's input.
            classify: uint8 (H, W, 1) -> uint8 (C,).
            runtime: name and version of what ``classify`` runs on; its architecture is
                that of this machine.
            where: file, for the message.

        Raises:
            RefusedError: other pixels, or outputs further off than allowed.
        """
        faces = crop_faces(self.frame, self.boxes, spec)
        if not np.array_equal(faces, self.faces):
            worst = _largest_difference(faces, self.faces)
            raise RefusedError(
                f"{where}: crop_face differs from the golden pixels by {worst}; "
                "0 is allowed: the converter's version of the toolkit is another"
            )
        outputs = np.stack([classify(face) for face in faces])
        here = (runtime, _machine())
        nearest, allowed = self.outputs, 0
        if here != (self.runtime, self.machine):
            allowed = TOLERANCE_ELSEWHERE
            if outputs.shape == nearest.shape:
                known = self.outputs, self.plain
                nearest = np.clip(outputs, np.minimum(*known), np.maximum(*known))
        worst = _largest_difference(outputs, nearest)
        if worst > allowed:
            raise RefusedError(
                f"{where}: {' on '.join(here)} differs from the golden outputs "
                f"({self.runtime} on {self.machine}) by {worst} steps; "
                f"{allowed} are allowed"
            )


def make_golden(
    spec: InputSpec,
    classify: Callable[[Pixels], npt.NDArray[np.uint8]],
    plainly: Callable[[Pixels], npt.NDArray[np.uint8]],
    runtime: str,
) -> Golden:
    """Make golden vectors from a drawn frame.

    Args:
        spec: the model's input.
        classify: uint8 (H, W, 1) -> uint8 (C,).
        plainly: the same by the runtime's own kernels.
        runtime: name and version of what both run on.
    """
    frame = _draw_frame()
    height, width = frame.shape[:2]
    # Inside, larger and smaller than the input, off centre, over two borders.
    boxes = np.array(
        [
            (20.0, 10.0, 80.0, 100.0),
            (101.5, 7.25, 60.75, 48.5),
            (60.125, 50.375, 24.0, 30.0),
            (-15.0, 70.0, 70.0, 70.0),
            (width - 40.0, height - 50.0, 90.0, 90.0),
            (0.0, 0.0, float(width), float(height)),
        ]
    )
    faces = crop_faces(frame, boxes, spec)
    outputs, plain = (
        np.stack([way(face) for face in faces]) for way in (classify, plainly)
    )
    return Golden(frame, boxes, faces, outputs, plain, runtime, _machine())


def _machine() -> str:
    known = "" if _PROCESSOR.exists() else f" without {_PROCESSOR}"
    return f"{platform.machine()}{known}"


def crop_faces(
    frame: Pixels, boxes: npt.NDArray[np.float64], spec: InputSpec
) -> Pixels:
    """Crop N boxes (N, 4) out of a frame: uint8 (N, height, width, 1)."""
    return np.stack([crop_face(frame, Box(*row), spec) for row in boxes.tolist()])


def _draw_frame() -> Pixels:
    """Draw 120x160 BGR: soft blobs of light with fine noise, in whole numbers.

    Integers only, so that the frame is the same wherever it is drawn.
    """
    rows, columns = np.mgrid[0:120, 0:160].astype(np.int64)
    frame = np.zeros((120, 160, 3), dtype=np.int64)
    for channel in range(3):
        for blob in range(7):
            row = (37 * blob + 23 * channel) % 120
            column = (61 * blob + 17 * channel) % 160
            distance = (rows - row) ** 2 + (columns - column) ** 2
            frame[:, :, channel] += 60000 // (400 + distance)
        noise = (rows * 7919 + columns * 104729 + channel * 1299709) % 65521
        frame[:, :, channel] += noise * noise % 29
    return np.clip(frame, 0, 255).astype(np.uint8)


def _largest_difference(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> int:
    if first.shape != second.shape:
        return 255
    return int(np.abs(first.astype(np.int64) - second.astype(np.int64)).max())
