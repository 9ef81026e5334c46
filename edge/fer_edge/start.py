"""From settings to a running daemon."""

import contextlib
import sys
from datetime import datetime
from pathlib import Path

from fer_contract.command import complain
from fer_edge.cameras.replay import open_replay
from fer_edge.classifiers import make_classifier
from fer_edge.config import Config, complaints
from fer_edge.daemon import run, stop_on_signals
from fer_edge.detectors import make_detector
from fer_edge.errors import ConfigurationError
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
    with contextlib.closing(make_classifier(config.model)) as classifier:
        detector = make_detector(config.faces)
        pipeline = Pipeline(
            config.camera.name, detector, classifier, config.tracking, config.episodes
        )
        camera = open_replay(Path(config.camera.source), begun)
        complain(
            f"fer-edge: model {classifier.name} on {classifier.runtime}, "
            f"{classifier.state}, self-test passed; "
            f"faces by {detector.name}; reading {config.camera.source}"
        )
        summary = run(camera, pipeline, [JsonLines(sys.stdout)], stop)
    complain(
        f"fer-edge: {summary.frames:,} frames in {summary.seconds:.1f} s, "
        f"{summary.faces:,} faces, {summary.events:,} events"
    )
