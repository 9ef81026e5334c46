"""The emotions in a picture, for programs that bring their own frames."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from fer_contract.labels import UNCERTAIN
from fer_contract.preprocess import Box, InputSpec, Pixels, crop_face, fit_face
from fer_edge.classifiers import ModelSettings, make_classifier
from fer_edge.detectors import DetectorSettings, make_detector
from fer_edge.errors import ConfigurationError
from fer_edge.options import read

Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class RecognizedFace:
    """One face of a picture."""

    box: Box
    """A square from forehead to chin, in pixels of the picture; its numbers are
    fractional, and it may reach over the border."""
    emotion: str
    """The label with the highest score, or ``uncertain`` if that is below the model's
    threshold."""
    scores: Mapping[str, float]
    """A score a label of the model, 0 to 1, in the order of its outputs; their sum
    is 1."""

    @property
    def score(self) -> float:
        """Highest of the scores, 0 to 1."""
        return max(self.scores.values())


class Recognizer:
    """Finds the faces in pictures and tells what they show.

    Each picture is seen for itself: nothing is smoothed over time. The model passes
    its self-test before the first picture, as in the daemon. One is made once and used
    for many pictures, by one thread at a time; ``close`` it, or use it in a ``with``.

    Args:
        bundle: directory that ``fer-convert`` made, of any labels and size; without it
            the model that ``fer-edge models use`` has chosen, or else the released one.
        detector: ``yunet`` is faster and finds more, ``haar`` needs no file; ``auto``
            is yunet where ``fer-edge models fetch-detector`` has fetched its file.
        yunet_model: that file, where it lies elsewhere.
        min_face_pixels: side of the smallest face that counts.
        threads: of the processor for one face.
        edgetpu: ``auto`` uses an Edge TPU where there is one and the bundle holds a
            model for it, with the processor behind it; ``off`` the processor alone.

    What is left out is as in the daemon's configuration, where bounds and defaults
    stand: ``[faces]`` and ``[model]`` in systemd/fer-edge.toml.

    Raises:
        FerError: the bundle or the detector's file is missing, damaged or refused, or
            an option is out of its bounds; in one line, which names it.
        OSError: a file cannot be read.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | None = None,
        *,
        detector: str | None = None,
        yunet_model: str | os.PathLike[str] | None = None,
        min_face_pixels: int | None = None,
        threads: int | None = None,
        edgetpu: str | None = None,
    ) -> None:
        self._detector = make_detector(
            _settings(
                DetectorSettings,
                detector=detector,
                yunet_model=None if yunet_model is None else os.fspath(yunet_model),
                min_face_pixels=min_face_pixels,
            )
        )
        self._classifier = make_classifier(
            _settings(ModelSettings, threads=threads, edgetpu=edgetpu),
            # An empty text would be the folder in which the program happens to run.
            Path(bundle) if bundle else None,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model tells apart, in the order of its outputs."""
        return self._classifier.labels

    @property
    def input(self) -> InputSpec:
        """Size and margin of the faces that the model takes."""
        return self._classifier.input

    @property
    def threshold(self) -> float:
        """Score below which a face is ``uncertain``, 0 to 1; the bundle says it."""
        return self._classifier.threshold

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._classifier.name

    def find_faces(self, frame: npt.NDArray[Any]) -> list[Box]:
        """Return a square for every face of a picture, the largest first.

        Args:
            frame: uint8 (H, W) grey or (H, W, 3) BGR as OpenCV reads it, 0-255.

        Raises:
            ValueError: it has another dtype or shape, which the message shows.
            TypeError: it is no array, such as the None of ``cv2.imread``.
        """
        found = self._detector.detect(_as_bgr(frame))
        return sorted(found, key=lambda box: -box.width * box.height)

    def recognize(self, frame: npt.NDArray[Any]) -> list[RecognizedFace]:
        """Return the faces of a picture and what each shows, the largest first.

        Args:
            frame: uint8 (H, W) grey or (H, W, 3) BGR as OpenCV reads it, 0-255.

        Raises:
            ValueError: it has another dtype or shape, which the message shows.
            TypeError: it is no array, such as the None of ``cv2.imread``.
        """
        return [self._recognized(frame, box) for box in self.find_faces(frame)]

    def classify(self, face: npt.NDArray[Any]) -> dict[str, float]:
        """Return the scores of a face that was cut out already.

        The whole picture is taken for the face, from forehead to chin; it is brought to
        the model's size as the faces of a data set are.

        Args:
            face: uint8 (H, W) or (H, W, 1) grey, or (H, W, 3) BGR, 0-255, of any size.

        Returns:
            A score a label of the model, 0 to 1; their sum is 1.

        Raises:
            ValueError: it has another dtype or shape, which the message shows.
            TypeError: it is no array, such as the None of ``cv2.imread``.
        """
        _check(face)
        return dict(self._classifier.scores(fit_face(face, self.input)))

    def close(self) -> None:
        """Let go of devices and processes."""
        self._classifier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _recognized(self, frame: npt.NDArray[Any], box: Box) -> RecognizedFace:
        scores = self._classifier.scores(crop_face(frame, box, self.input))
        best = max(scores, key=lambda label: scores[label])
        certain = scores[best] >= self.threshold
        return RecognizedFace(box, best if certain else UNCERTAIN, dict(scores))


def _settings(kind: type[Settings], **given: object) -> Settings:
    """Build settings by the rules of the configuration, of what was given."""
    table = {key: value for key, value in given.items() if value is not None}
    settings, mistakes = read(kind, table)
    if mistakes:
        raise ConfigurationError(*mistakes)
    return settings


def _channels(frame: npt.NDArray[Any]) -> int:
    return 1 if frame.ndim == 2 else int(frame.shape[2])


def _check(frame: npt.NDArray[Any]) -> None:
    """Refuse what is no picture, before OpenCV says so in its own words."""
    # cv2.imread returns None for a file that it cannot read.
    if not isinstance(frame, np.ndarray):
        raise TypeError(f"a numpy array is wanted; received {frame!r:.80}")
    fits = frame.ndim in (2, 3) and _channels(frame) in (1, 3)
    if frame.dtype != np.uint8 or not fits or frame.size == 0:
        received = f"{frame.dtype} {frame.shape}"
        raise ValueError(f"uint8 (H, W) or (H, W, 3) is wanted; received {received}")


def _as_bgr(frame: npt.NDArray[Any]) -> Pixels:
    """Return a picture as detectors want it, uint8 (H, W, 3)."""
    _check(frame)
    if _channels(frame) == 3:
        return frame
    grey = frame.reshape(frame.shape[:2])
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
