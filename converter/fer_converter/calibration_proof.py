"""Proof that a model was quantized with the ranges of its calibration faces.

Converters have lost their representative data before, without a word. So the same
graph is quantized once more with a single blank face, and the ranges that both files
hold are compared; and those of the calibrated one are held against what the float
graph computes on these very faces.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_contract.preprocess import Pixels
from fer_converter.interpreters import OpenTflite
from fer_converter.tflite_file import TfliteFile
from fer_converter.verdicts import Verdict, decided, meaning_of

_MOVED = 0.02
"""Of a range's width: less is rounding."""

_MIN_SHARE = 0.5
"""Of the ranges must have moved. That of a softmax is fixed, and a blank face is
bound to look like any other to some unit."""

_BLANK = 128  # grey


@dataclass(frozen=True, slots=True)
class CalibrationProof:
    """What the ranges of activations say, R of them."""

    ranges: int
    """Activations whose range is in the file."""
    moved: int
    """Of them, those that differ from an uncalibrated quantization's."""
    faces: int
    """That were measured in float."""
    covered: float
    """Mean share of the range that is seen on the faces and lies in the file's."""
    used: float
    """Mean share of the file's range that is seen on the faces."""

    def facts(self) -> dict[str, Any]:
        """Return the proof as JSON."""
        return {
            "activation_ranges": self.ranges,
            "differ_from_uncalibrated": self.moved,
            "measured_faces": self.faces,
            "measured_range_covered": round(self.covered, 4),
            "range_used": round(self.used, 4),
        }

    def verdict(self) -> Verdict:
        """Most ranges come from the calibration faces."""
        share = self.moved / self.ranges if self.ranges else 0.0
        return decided(
            "calibration used",
            share >= _MIN_SHARE,
            f"{self.moved} of {self.ranges} activation ranges differ from those of a "
            f"blank face, at least {_MIN_SHARE:.0%} wanted",
            meaning=meaning_of(CalibrationProof.verdict),
        )


def blank_face(faces: Pixels) -> Pixels:
    """Return one grey face of the same size, uint8 (1, H, W, 1)."""
    return np.full_like(faces[:1], _BLANK)


def prove(
    calibrated: TfliteFile,
    uncalibrated: TfliteFile,
    floats: TfliteFile,
    faces: Pixels,
) -> CalibrationProof:
    """Compare ranges.

    Args:
        calibrated: the int8 file.
        uncalibrated: of the same graph, quantized with ``blank_face``.
        floats: of the same graph, in float32.
        faces: uint8 (N, H, W, 1), calibration faces to measure on, at least one.
    """
    ranges = _ranges(calibrated)
    blank = _ranges(uncalibrated)
    moved = sum(_differ(held, blank.get(name)) for name, held in ranges.items())

    twins = {
        part.name: part.index
        for op in floats.operators
        for part in op.outputs
        if part.name in ranges
    }
    seen = dict.fromkeys(twins, (np.inf, -np.inf))
    model = OpenTflite(floats.content)
    for face in faces:
        model.run(face)
        for name, index in twins.items():
            values = model.tensor(index)
            low, high = seen[name]
            seen[name] = min(low, values.min()), max(high, values.max())
    overlaps = [_overlap(ranges[name], part) for name, part in seen.items()]
    covered, used = np.mean(overlaps, axis=0) if overlaps else (0.0, 0.0)
    return CalibrationProof(
        ranges=len(ranges),
        moved=moved,
        faces=len(faces),
        covered=float(covered),
        used=float(used),
    )


def _ranges(model: TfliteFile) -> dict[str, tuple[float, float]]:
    """Return the range of each activation by name, but not of input and output."""
    rims = {part.index for part in (*model.inputs, *model.outputs)}
    return {
        part.name: part.range
        for op in model.operators
        for part in op.outputs
        if part.range is not None and part.index not in rims
    }


def _differ(first: tuple[float, float], second: tuple[float, float] | None) -> bool:
    if second is None:
        return False
    width = max(first[1] - first[0], 1e-12)
    gaps = (abs(first[0] - second[0]), abs(first[1] - second[1]))
    return max(gaps) > _MOVED * width


def _overlap(
    held: tuple[float, float], seen: tuple[float, float]
) -> tuple[float, float]:
    """Return the shares of the seen and of the held range that they have in common."""
    # Zero is in every quantized range, so that padding is exact.
    seen = min(seen[0], 0.0), max(seen[1], 0.0)
    common = max(0.0, min(held[1], seen[1]) - max(held[0], seen[0]))
    return (
        common / (seen[1] - seen[0]) if seen[1] > seen[0] else 1.0,
        common / (held[1] - held[0]) if held[1] > held[0] else 1.0,
    )
