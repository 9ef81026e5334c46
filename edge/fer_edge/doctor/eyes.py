"""What looks: the camera, what finds faces, and the model that judges them."""

import fnmatch
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fer_contract.errors import FerError
from fer_edge.cameras.settings import CameraSettings
from fer_edge.cameras.source import Recording, Source, parse_source
from fer_edge.config import Config
from fer_edge.doctor.checks import (
    Case,
    Check,
    Finding,
    forbidden,
    note,
    ok,
    skipped,
    wrong,
)
from fer_edge.errors import CameraError

if TYPE_CHECKING:
    from fer_edge.cameras import Camera
    from fer_edge.models.store import Store

_FRAME_SECONDS = 20.0
"""For the first frame: a USB camera needs three, libcamera five on a Pi Zero."""


def _camera(case: Case) -> Finding:
    assert case.config is not None
    settings = case.config.camera
    try:
        source = parse_source(settings.source)
    except CameraError as mistake:
        return wrong(str(mistake), f"edit camera.source in {case.path}")
    if not settings.source:
        return skipped("camera.source is empty")
    if use := _use(case, source):
        return ok(f"{source}: {use}, so not opened")
    begun = time.monotonic()
    try:
        height, width = _first_frame(settings)
    except CameraError as failure:
        user = case.unit.user or "$USER"
        says, mend = str(failure), source.MEND.format(config=case.path, user=user)
        if "no permission" in says:
            return forbidden(case, says, mend)
        return wrong(says, mend)
    seconds = time.monotonic() - begun
    return ok(f"{source}: {width}x{height}, first frame after {seconds:.1f} s")


def _use(case: Case, source: Source) -> str:
    """Say that the service holds a camera; empty where it does not."""
    if isinstance(source, Recording) or not source.held_files or not case.unit.runs:
        return ""
    pid = case.unit.facts.get("MainPID", "0")
    files = case.world.path(f"/proc/{pid}/fd")
    try:
        opened = [_target(path) for path in files.iterdir()]
    except OSError:  # another user's, and we are not root
        there = any(any(Path("/").glob(pattern[1:])) for pattern in source.held_files)
        return "left to the service, which runs; sudo looks closer" if there else ""
    held = any(fnmatch.filter(opened, pattern) for pattern in source.held_files)
    return f"in use by the service (process {pid})" if held else ""


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def _first_frame(settings: CameraSettings) -> tuple[int, int]:
    """Return height and width of a frame.

    Raises:
        CameraError: there is none; a live camera is asked once.
    """
    from fer_edge.cameras.newest import NewestFrame
    from fer_edge.cameras.opening import open_camera

    source = parse_source(settings.source)
    camera: Camera | NewestFrame
    if isinstance(source, Recording):
        camera = open_camera(settings, datetime.now(UTC))
    else:
        camera = NewestFrame(source.opener(settings), settings.view)
    try:
        frame = camera.read(_FRAME_SECONDS)
    finally:
        camera.close()
    if frame is None:
        raise CameraError(f"{source}: no frame for {_FRAME_SECONDS:g} s")
    return frame.pixels.shape[0], frame.pixels.shape[1]


def _detector(case: Case) -> Finding:
    import numpy as np

    from fer_edge.detector_model import FETCH
    from fer_edge.detectors import DetectorSettings, make_detector

    settings = case.config.faces if case.config else DetectorSettings()
    try:
        detector = make_detector(settings)
    except (FerError, OSError) as failure:
        return wrong(str(failure), f"sudo {FETCH}")
    begun = time.monotonic()
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    says = f"{detector.name}, {1000 * (time.monotonic() - begun):.0f} ms for a frame"
    if detector.name == "haar" and settings.detector == "auto":
        return note(f"{says}; YuNet is faster and finds more", f"sudo {FETCH}")
    return ok(says)


def _model(case: Case) -> Finding:
    from fer_edge.classifiers.cpu import CpuClassifier
    from fer_edge.models import bundle_of
    from fer_edge.models.signature import check_signature, parse_public_key
    from fer_edge.models.store import RELEASED_NAME, Store, default_folder

    config = case.config or Config()
    store = Store(default_folder())
    active = store.active
    bundle = bundle_of(config.model.bundle)
    name = config.model.bundle or active or RELEASED_NAME
    mend = _mend_of_model(config, active)
    try:
        if config.model.public_key and name != RELEASED_NAME:
            check_signature(bundle, parse_public_key(config.model.public_key))
        classifier = CpuClassifier(bundle, config.model.threads)
    except (FerError, OSError) as refusal:
        return wrong(f"{name}: {refusal}", mend)
    says = (
        f"{name} ({classifier.name}) on {classifier.runtime}, "
        f"{len(classifier.golden.faces)} golden vectors passed"
    )
    if unknown := _unknown_emotions(config, classifier.labels):
        return wrong(f"{says}; {unknown}", f"edit [[hooks]] in {case.path}")
    return _standing(store, says) if not config.model.bundle else ok(says)


def _standing(store: "Store", says: str) -> Finding:
    """Add how the active model came to be it, and how far it is trusted."""
    from fer_edge.models.probation import Stage, on_probation

    active, previous = store.active, store.previous
    if store.can_roll_back():
        says += f"; before it: {previous or 'released'}"
    for name in filter(None, (active, previous)):
        record = store.record(name)
        if record.stage is Stage.FAILED:
            return note(
                f"{says}; {name} failed on this device: {record.reason}",
                "sudo fer-edge models install SOURCE --use brings another",
            )
    if active and on_probation(store.record(active)):
        failures = store.record(active).failures
        after = f" after {failures} failure" if failures else ""
        return note(f"{says}; on probation{after}, until it has run for a while")
    return ok(f"{says}; trusted" if active else says)


def _unknown_emotions(config: Config, labels: tuple[str, ...]) -> str:
    from fer_edge.publishers.hook import unknown_emotions

    return "; ".join(unknown_emotions(config.hooks, labels))


def _mend_of_model(config: Config, active: str | None) -> str:
    if config.model.bundle:
        return "make the bundle anew with fer-convert, or empty model.bundle"
    if active:
        return "sudo fer-edge models rollback"
    pip = f"{sys.executable} -m pip"
    return f"{pip} install --force-reinstall --no-deps fer-edge-toolkit"


CAMERA = Check(
    "camera", "opened, and a frame read", _camera, needs_config=True, apart=True,
    seconds=45.0,
)  # fmt: skip
DETECTOR = Check("detector", "YuNet's file or the Haar cascade", _detector, apart=True)
MODEL = Check(
    "model", "digests, golden vectors, probation", _model, apart=True, seconds=120.0
)
