"""From settings to a running daemon."""

import sys
from datetime import datetime

from fer_contract.command import complain
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.source import parse_source
from fer_edge.classifier import CpuClassifier
from fer_edge.config import Config, complaints
from fer_edge.daemon import run, stop_on_signals
from fer_edge.detectors import make_detector
from fer_edge.errors import ConfigurationError
from fer_edge.models import bundle_of
from fer_edge.pipeline import Pipeline
from fer_edge.publishers.json_lines import JsonLines


def start(config: Config, begun: datetime) -> None:
    """Build the parts and run them to the end; say what it came to.

    Args:
        config: everything.
        begun: wall time of the first frame, with time zone.

    Raises:
        FerError: a part that cannot be built or fails; the message names it.
    """
    if missing := complaints(config):
        raise ConfigurationError(*missing)
    if sys.stdout is None:
        raise ConfigurationError("standard output: closed; the events go there")
    stop = stop_on_signals()
    classifier = CpuClassifier(bundle_of(config.model.bundle))
    detector = make_detector(config.faces)
    pipeline = Pipeline(
        config.camera.name, detector, classifier, config.tracking, config.episodes
    )
    camera = open_camera(config.camera, begun)
    complain(
        f"fer-edge: model {classifier.name} on {classifier.runtime}, self-test passed; "
        f"faces by {detector.name}; reading {parse_source(config.camera.source)}"
    )
    summary = run(camera, pipeline, [JsonLines(sys.stdout)], stop)
    complain(
        f"fer-edge: {summary.frames:,} frames in {summary.seconds:.1f} s, "
        f"{summary.faces:,} faces, {summary.events:,} events"
    )
