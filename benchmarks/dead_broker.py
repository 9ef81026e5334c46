"""What a broker that is dead, or hangs, costs the frame loop.

    .venv/bin/python benchmarks/dead_broker.py

The daemon's loop reads a drawn scene with a face, with no publisher and with a broker
that refuses connections, or accepts and never answers; they take turns, so that a busy
moment of the machine meets all of them. Ten times a second of the recording an update
is told, and stored on the disk.
"""

import json
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from fer_contract import __version__
from fer_edge.cameras.drawn import Drawn
from fer_edge.cameras.repeated import Repeated
from fer_edge.config import Config
from fer_edge.controls import Controls
from fer_edge.loop import Turn, run
from fer_edge.moment import read_clocks
from fer_edge.monitor import About, Monitor
from fer_edge.outbox import OutboxSettings
from fer_edge.outbox.opening import open_outbox
from fer_edge.publishers import Publisher
from fer_edge.publishers.mqtt.publisher import MqttPublisher
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings
from fer_edge.stages import Stage
from fer_edge.start import Parts, assemble


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@contextmanager
def refusing() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    yield port


def to_broker(port: int, folder: Path, parts: Parts) -> tuple[MqttPublisher, ExitStack]:
    """Make a publisher as the daemon does, and what is to be closed after it."""
    stack = ExitStack()
    path = str(folder / "outbox.sqlite")
    outbox = stack.enter_context(closing(open_outbox(OutboxSettings(path=path))))
    about = About(
        version=__version__,
        camera="bench",
        source=str(Drawn.PATH),
        model=parts.classifier.name,
        runtime=parts.classifier.runtime,
        detector=parts.detector,
        labels=parts.classifier.labels,
        purpose="testing",
        started_at=read_clocks().at,
    )
    controls = Controls()
    state = parts.classifier.state
    monitor = Monitor(about, read_clocks(), controls, lambda: state)
    settings = MqttSettings(
        host="127.0.0.1",
        port=port,
        first_retry_seconds=0.2,
        longest_retry_seconds=1.0,
        answer_seconds=1.0,
    )
    publisher = MqttPublisher(
        settings,
        HomeAssistantSettings(),
        outbox,
        lambda: monitor.status(read_clocks()),
        controls,
    )
    publisher.start()
    return publisher, stack


def one_round(frames: int, publishers: list[Publisher]) -> list[float]:
    """Return the seconds that each frame took, without waiting for the camera."""
    config = Config()
    config = replace(
        config,
        camera=replace(config.camera, source=str(Drawn.PATH)),
        episodes=replace(config.episodes, update_seconds=0.1),
    )
    seconds: list[float] = []

    def note(turn: Turn) -> None:
        seconds.append(
            sum(took for stage, took in turn.seconds.items() if stage != Stage.CAPTURE)
        )

    with closing(assemble(config)) as parts:
        camera = Repeated(Drawn, frames)
        run(camera, parts.pipeline, publishers, threading.Event(), watches=[note])
    return seconds[len(seconds) // 10 :]


@click.command()
@click.option("--frames", type=click.IntRange(100), default=1000, help="A round.")
@click.option("--rounds", type=click.IntRange(1), default=5)
def main(frames: int, rounds: int) -> None:
    """Print p50 and p99 of a frame in milliseconds, and the ratio to no publisher."""
    ports = {"none": None, "refusing": refusing, "silent": silent}
    taken: dict[str, list[list[float]]] = {name: [] for name in ports}
    config = Config()
    config = replace(config, camera=replace(config.camera, source=str(Drawn.PATH)))
    with closing(assemble(config)) as parts:
        for _ in range(rounds):
            for name, port in ports.items():
                if port is None:
                    taken[name].append(one_round(frames, []))
                    continue
                with tempfile.TemporaryDirectory() as folder, port() as number:
                    publisher, stack = to_broker(number, Path(folder), parts)
                    with stack:
                        taken[name].append(one_round(frames, [publisher]))
    figures = {}
    for name, rounds_of in taken.items():
        p50, p99 = (
            1000 * float(np.median([np.percentile(one, q) for one in rounds_of]))
            for q in (50, 99)
        )
        figures[name] = {"p50_ms": round(p50, 3), "p99_ms": round(p99, 3)}
    for part in figures.values():
        part["p99_to_none"] = round(part["p99_ms"] / figures["none"]["p99_ms"], 3)
    json.dump(figures, sys.stdout, indent=2)
    click.echo()


if __name__ == "__main__":
    main()
