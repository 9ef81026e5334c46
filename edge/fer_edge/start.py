"""From settings to a running daemon."""

import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from fer_contract.command import complain
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.source import parse_source
from fer_edge.classifiers import Classifier, ModelSettings, make_classifier
from fer_edge.config import Config, complaints
from fer_edge.daemon import Watch, run, stop_on_signals
from fer_edge.detectors import make_detector
from fer_edge.errors import ConfigurationError
from fer_edge.locating import Locator
from fer_edge.models.trial import open_model
from fer_edge.pipeline import Pipeline
from fer_edge.publishers.json_lines import JsonLines


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration comes to, but for its camera."""

    pipeline: Pipeline
    classifier: Classifier
    description: str
    """Of them, for people, within a line."""

    def close(self) -> None:
        """Let go of devices and processes."""
        self.classifier.close()


def assemble(
    config: Config, make: Callable[[ModelSettings], Classifier] = make_classifier
) -> Parts:
    """Build the parts that a configuration asks for.

    Args:
        config: everything.
        make: makes the classifier.

    Raises:
        FerError: a part that cannot be built; the message names it.
    """
    if missing := complaints(config):
        raise ConfigurationError(*missing)
    detector = make_detector(config.faces)
    locator = Locator(detector, config.faces.every_seconds, config.tracking)
    classifier = make(config.model)
    pipeline = Pipeline(config.camera.name, locator, classifier, config.episodes)
    description = (
        f"model {classifier.name} on {classifier.runtime}, {classifier.state}, "
        f"self-test passed; faces by {detector.name}"
    )
    return Parts(pipeline, classifier, description)


def start(config: Config, begun: datetime, annotated: Path | None = None) -> None:
    """Build the parts and run them to the end; say what it came to.

    Args:
        config: everything.
        begun: wall time of the first frame of a recording, with time zone.
        annotated: video or folder to write of a recording, with what was seen in it.

    Raises:
        FerError: a part that cannot be built or fails; the message names it.
    """
    if sys.stdout is None:
        raise ConfigurationError("standard output: closed; the events go there")
    stop = stop_on_signals()
    with ExitStack() as stack:
        watches: list[Watch] = []

        def make_on_trial(settings: ModelSettings) -> Classifier:
            make = partial(make_classifier, settings)
            classifier, trial = open_model(settings, make)
            watches.append(stack.enter_context(trial).see)
            return classifier

        parts = stack.enter_context(closing(assemble(config, make_on_trial)))
        camera = open_camera(config.camera, begun)
        if annotated is not None:
            from fer_edge.annotating import open_annotator

            watches.append(stack.enter_context(open_annotator(annotated)))
        source = parse_source(config.camera.source)
        complain(f"fer-edge: {parts.description}; reading {source}")
        publishers = [JsonLines(sys.stdout)]
        summary = run(camera, parts.pipeline, publishers, stop, watches=watches)
    dropped = f" and {summary.dropped:,} passed over" if summary.dropped else ""
    complain(
        f"fer-edge: {summary.frames:,} frames{dropped} in {summary.seconds:.1f} s, "
        f"{summary.faces:,} faces, {summary.events:,} events"
    )
