"""Where the faces are: frame in, square boxes out.

Detectors draw their boxes differently. Each one here returns the square that FER2013
would have cut, which is how training faces are framed; measured by detecting FER2013
faces pasted into scenes of 640x480.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fer_contract.errors import DigestError, FerError
from fer_contract.preprocess import Box, Pixels
from fer_edge.detector_model import (
    FETCH,
    check_detector,
    detector_path,
    fetched_detector,
)
from fer_edge.options import option


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How faces are found."""

    detector: str = option("auto", one_of=("auto", "yunet", "haar"))
    """What finds the faces. ``yunet`` is faster and finds more; ``haar`` needs no file.
    ``auto`` is yunet where ``yunet_model`` is set or its file has been fetched, else
    haar."""
    yunet_model: str = option(
        "", example="/var/lib/fer-edge/face_detection_yunet_2023mar.onnx"
    )
    """Path of the YuNet model (OpenCV's zoo, MIT); empty for the file that
    ``sudo fer-edge models fetch-detector`` has fetched."""
    min_face_pixels: int = option(48, low=16, high=2000)
    """Side of the smallest face that counts. A face smaller than the input of the model
    is blur."""
    # In scenes of 640x480 with faces of 100 pixels YuNet finds 93 % in 480 of what it
    # finds in 640, in two thirds of the time, and 57 % in 320, in a third; the cascade
    # 102 % and 88 %.
    detection_pixels: int = option(480, low=64, high=4096)
    """Longer side of the frame in which faces are sought. A larger frame is scaled down
    to it, but never so far that a face of ``min_face_pixels`` is too small to be found.
    Fewer are faster and find fewer faces."""
    every_seconds: float = option(0.2, low=0.0, high=1.0, live=True)
    """Time after which a face is looked for anew, near where it is expected; 0 looks in
    every frame. In between it is followed by its motion. A face in doubt is looked for
    earlier. While no face is known, or one is missing, the whole frame is searched as
    often."""
    newcomer_seconds: float = option(0.5, low=0.0, high=10.0, live=True)
    """Time between two searches of the whole frame while all known faces are found: how
    late one more is noticed. Never less than ``every_seconds``. A search takes as long
    as looking for six known faces."""


class Detector(Protocol):
    """Finds faces."""

    name: str

    def detect(self, frame: Pixels) -> list[Box]:
        """Return a square for every face.

        Args:
            frame: uint8 (H, W, 3), BGR.
        """

    def near(self, frame: Pixels, box: Box) -> list[Box]:
        """Return a square for every face near a known one and about as large.

        For a small part of what ``detect`` costs, and with less evidence asked for:
        that a face is there is known.

        Args:
            frame: uint8 (H, W, 3), BGR.
            box: where the known one is expected, by its last square.
        """


def make_detector(settings: DetectorSettings) -> Detector:
    """Make the detector that the settings ask for.

    Raises:
        FerError: its model is missing, or is not what it should be.
    """
    if complaint := missing_model(settings):
        raise FerError(complaint)
    smallest, longest = settings.min_face_pixels, settings.detection_pixels
    model = _yunet_model(settings)
    if model is None:
        from .haar import HaarDetector

        return HaarDetector(smallest, longest)
    from .yunet import YuNetDetector

    if model.is_file():
        try:
            check_detector(model)
        except DigestError as damage:
            mend = "" if settings.yunet_model else f"; {FETCH}"
            raise DigestError(f"faces.yunet_model: {damage}{mend}") from damage
    return YuNetDetector(model, smallest, longest)


def missing_model(settings: DetectorSettings) -> str | None:
    """Say what to do about a file that the settings need and that is not there."""
    if settings.detector != "yunet" or _yunet_model(settings):
        return None
    return f"faces.yunet_model: empty, and {detector_path()} is missing; {FETCH}"


def _yunet_model(settings: DetectorSettings) -> Path | None:
    """Return the file for YuNet, or None if the cascade is to serve."""
    if settings.detector == "haar":
        return None
    if settings.yunet_model:
        return Path(settings.yunet_model)
    return fetched_detector()
