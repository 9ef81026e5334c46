"""From settings to the parts that work on frames, and a recording through them."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fer_contract.command import complain
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.settings import CameraSettings
from fer_edge.cameras.source import parse_source
from fer_edge.classifiers import Classifier, make_classifier
from fer_edge.config import Config, complaints_of_pipeline
from fer_edge.detectors import make_detector
from fer_edge.errors import ConfigurationError
from fer_edge.locating import Locator
from fer_edge.loop import Summary, Watch, run, stop_on_signals
from fer_edge.pipeline import Pipeline
from fer_edge.publishers.json_lines import standard_output


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration comes to between its camera and its publishers."""

    pipeline: Pipeline
    classifier: Classifier
    detector: str
    """Name of what finds the faces."""

    def reconfigure(self, config: Config) -> None:
        """Let a changed configuration hold, as far as it can without a restart."""
        self.pipeline.reconfigure(config.episodes, config.tracking, config.faces)

    def close(self) -> None:
        """Let go of devices and processes."""
        self.classifier.close()

    def __str__(self) -> str:
        """Describe them for people, within a line."""
        model = self.classifier
        return (
            f"model {model.name} on {model.runtime}, {model.state}, self-test passed; "
            f"faces by {self.detector}"
        )


def assemble(
    config: Config, classifier: Classifier | None = None, last_seq: int = 0
) -> Parts:
    """Build the parts that a configuration asks for.

    Args:
        config: everything.
        classifier: made already; else the one that the configuration asks for.
        last_seq: of the last event of an earlier run.

    Raises:
        FerError: a part that cannot be built; the message names it.
    """
    if missing := complaints_of_pipeline(config):
        raise ConfigurationError(*missing)
    detector = make_detector(config.faces)
    locator = Locator(
        detector,
        config.faces.every_seconds,
        config.faces.newcomer_seconds,
        config.tracking,
    )
    classifier = classifier or make_classifier(config.model)
    pipeline = Pipeline(
        config.camera.name, locator, classifier, config.episodes, last_seq
    )
    return Parts(pipeline, classifier, detector.name)


def replay(config: Config, begun: datetime, annotated: Path | None = None) -> None:
    """Run a recording to its end, its events to standard output; say what it came to.

    Args:
        config: everything.
        begun: wall time of the first frame, with time zone.
        annotated: video or folder to write, with what was seen in it.

    Raises:
        FerError: a part that cannot be built or fails; the message names it.
    """
    # Not queued: a recording has the time to wait for who reads its events.
    lines = standard_output()
    stop = stop_on_signals()
    with ExitStack() as stack:
        parts = stack.enter_context(closing(assemble(config)))
        camera = open_camera(config.camera, begun)
        watches: list[Watch] = []
        if annotated is not None:
            from fer_edge.annotating import open_annotator

            watches.append(stack.enter_context(open_annotator(annotated)))
        complain(described(parts, config.camera))
        summary = run(camera, parts.pipeline, [lines], stop, watches=watches)
    complain(summed_up(summary))


def described(parts: Parts, camera: CameraSettings) -> str:
    """Say what is about to run, in a line."""
    return f"fer-edge: {parts}; reading {parse_source(camera.source)}"


def summed_up(summary: Summary) -> str:
    """Say what it came to, in a line."""
    dropped = f" and {summary.dropped:,} passed over" if summary.dropped else ""
    return (
        f"fer-edge: {summary.frames:,} frames{dropped} in {summary.seconds:.1f} s, "
        f"{summary.faces:,} faces, {summary.events:,} events"
    )
