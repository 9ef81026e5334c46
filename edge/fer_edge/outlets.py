"""Everyone whom the daemon tells: of its events, of its frames, of how it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_contract import __version__
from fer_edge.cameras.source import parse_source
from fer_edge.config import Config, sections
from fer_edge.controls import Controls
from fer_edge.errors import ConfigurationError
from fer_edge.loop import Notice, Watch
from fer_edge.models.trial import Trial
from fer_edge.moment import Moment, read_clocks
from fer_edge.monitor import About, Monitor, Status
from fer_edge.outbox import Outbox
from fer_edge.publishers import Publisher, PublisherSettings
from fer_edge.publishers.hook import unknown_emotions
from fer_edge.start import Parts

if TYPE_CHECKING:
    from fer_edge.web.server import WebServer


@dataclass(frozen=True, slots=True)
class Outlets:
    """What the loop hands things to."""

    publishers: list[Publisher]
    """Get every event, and are closed by the loop."""
    watches: list[Watch]
    """See every frame."""
    notice: Notice
    """Is told of every frame as it comes."""
    status: Callable[[], Status]
    """Tells how the daemon is."""
    reconfigure: Callable[[Config], None]
    """Lets a changed configuration hold, as far as it can without a restart."""


def open_outlets(
    config: Config,
    parts: Parts,
    trial: Trial,
    outbox: Outbox | None,
    controls: Controls,
    begun: Moment,
) -> Outlets:
    """Open every outlet that a configuration asks for.

    Args:
        config: everything.
        parts: what they tell about.
        trial: of the model, what they tell about it.
        outbox: for the broker; None if none is configured.
        controls: what a broker and the page show and switch.
        begun: when the daemon started.

    Raises:
        ConfigurationError: one that cannot be opened, or asks for what the model lacks.
    """
    labels = parts.classifier.labels
    if unknown := unknown_emotions(config.hooks, labels):
        raise ConfigurationError(*unknown)
    publishers: list[Publisher] = []

    def status() -> Status:
        return monitor.status(read_clocks())

    broker = None
    if outbox is not None:
        from fer_edge.publishers.mqtt.publisher import MqttPublisher

        broker = MqttPublisher(
            config.mqtt, config.home_assistant, outbox, status, controls
        )
        publishers.append(broker)
    monitor = Monitor(
        _about(config, parts, begun),
        begun,
        controls,
        lambda: parts.classifier.state,
        model=lambda: trial.state,
        outbox=(lambda: outbox.state) if outbox else None,
        broker=(lambda: broker.state) if broker else None,
    )
    watches: list[Watch] = [monitor.see]
    for name, settings in sections(config):
        if isinstance(settings, PublisherSettings):
            publisher = settings.open_publisher(name)
            publishers += [publisher] if publisher else []
    server = _open_server(config, status, controls)
    if server is not None:
        publishers.append(server)
        watches.append(server.see)
    preview = config.http.preview

    def reconfigure(changed: Config) -> None:
        nonlocal preview
        # What a message has switched stays as it is, unless the file has changed.
        if changed.http.preview != preview:
            preview = controls.preview = changed.http.preview
        if server is not None:
            server.reconfigure(changed.http)

    if broker is not None:
        broker.start()
    return Outlets(publishers, watches, monitor.arrive, status, reconfigure)


def _open_server(
    config: Config, status: Callable[[], Status], controls: Controls
) -> "WebServer | None":
    if not config.http.port:
        return None
    from fer_edge.web.server import WebServer

    return WebServer(config.http, status, controls)


def _about(config: Config, parts: Parts, begun: Moment) -> About:
    classifier = parts.classifier
    return About(
        version=__version__,
        camera=config.camera.name,
        source=str(parse_source(config.camera.source)),
        model=classifier.name,
        runtime=classifier.runtime,
        detector=parts.detector,
        labels=classifier.labels,
        purpose=config.law.purpose,
        started_at=begun.at,
    )
