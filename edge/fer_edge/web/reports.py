"""The status and what is seen, as the JSON that the page and scripts read."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import cv2
import numpy as np

from fer_contract.labels import UNCERTAIN
from fer_contract.preprocess import Pixels
from fer_edge.events import rfc3339
from fer_edge.health import notes, problems
from fer_edge.monitor import Status
from fer_edge.pipeline import Face
from fer_edge.web import HttpSettings

_PICTURE_PIXELS = 960
"""Longer side of a picture; a larger frame is scaled down to it."""
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Look:
    """One look through the camera, for those who watch."""

    at: datetime
    width: int
    """Of the frame, pixels."""
    height: int
    faces: Sequence[Face]
    pixels: Pixels | None
    """uint8 (H, W, 3), BGR; None while the preview is off."""


def info(status: Status) -> dict[str, Any]:
    """Return what does not change while the daemon runs."""
    about = status.about
    return {
        "version": about.version,
        "camera": about.camera,
        "source": about.source,
        "model": about.model,
        "runtime": about.runtime,
        "detector": about.detector,
        "labels": about.labels,
        "purpose": about.purpose,
        "uncertain": UNCERTAIN,
        "started_at": rfc3339(about.started_at),
    }


def report(status: Status, limits: HttpSettings, now: float) -> dict[str, Any]:
    """Return how things stand, health included."""
    outbox, broker, classifier = status.outbox, status.broker, status.classifier
    return {
        "health": health(status, limits, now),
        "uptime_seconds": _rounded(status.uptime_seconds),
        "detecting": status.detecting,
        "preview": status.preview,
        "frames": status.frames,
        "skipped_frames": status.dropped,
        "faces": status.faces,
        "frames_per_second": _rounded(status.frames_per_second),
        "frame_age_seconds": _rounded(status.frame_age_seconds),
        "processed_age_seconds": _rounded(status.processed_age_seconds),
        "latency_seconds": _rounded(status.latency_seconds),
        "last_frame_at": rfc3339(status.last_frame_at)
        if status.last_frame_at
        else None,
        "events": status.events,
        "model": status.model and asdict(status.model),
        "classifier": {
            "device": classifier.device,
            "reason": classifier.reason,
            "failures": classifier.failures,
            "restarts": classifier.restarts,
        },
        "outbox": outbox
        and {
            "waiting": outbox.waiting,
            "dropped": outbox.dropped,
            "durable": outbox.durable,
            "reason": outbox.reason,
        },
        "broker": broker
        and {
            "connected": broker.connected,
            "reason": broker.reason,
            "confirmed": broker.confirmed,
        },
    }


def health(status: Status, limits: HttpSettings, now: float) -> dict[str, Any]:
    """Return problems and notes."""
    found = problems(status, limits, now)
    return {
        "healthy": not found,
        "problems": [asdict(problem) for problem in found],
        "notes": [asdict(note) for note in notes(status, limits, now)],
    }


def seen(look: Look, picture: bytes | None) -> dict[str, Any]:
    """Return where the faces are and what they show; the picture too, if there is one.

    Args:
        look: what was seen.
        picture: of it, JPEG.
    """
    return {
        "at": rfc3339(look.at),
        "width": look.width,
        "height": look.height,
        "faces": [_face(face, look) for face in look.faces],
        "picture": base64.b64encode(picture).decode() if picture else None,
    }


def jpeg(pixels: Pixels) -> bytes:
    """Return a frame as a JPEG of a size that suits a page.

    Args:
        pixels: uint8 (H, W, 3), BGR, 0-255.
    """
    height, width = pixels.shape[:2]
    scale = _PICTURE_PIXELS / max(height, width)
    if scale < 1.0:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, np.uint8)
    there, encoded = cv2.imencode(
        ".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    assert there
    return encoded.tobytes()


def to_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return one line of JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _face(face: Face, look: Look) -> dict[str, Any]:
    """Return a face, its box in shares of the frame, whatever size that is shown in."""
    box = face.box
    return {
        "track": face.track,
        "box": [
            round(box.x / look.width, 4),
            round(box.y / look.height, 4),
            round(box.width / look.width, 4),
            round(box.height / look.height, 4),
        ],
        "showing": face.showing,
        "scores": {label: round(score, 3) for label, score in face.scores.items()},
    }


def _rounded(seconds: float) -> float | None:
    """JSON has no infinity: what has not been yet is null."""
    return round(seconds, 3) if math.isfinite(seconds) else None
