"""Metrics for Prometheus, made from one look at the status at each scrape."""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fer_contract.labels import UNCERTAIN
from fer_edge.board import REASONS, read_temperatures, read_throttling
from fer_edge.classifiers import Device
from fer_edge.health import Finding, Part, notes, problems
from fer_edge.moment import read_clocks
from fer_edge.monitor import BUCKETS, Histogram, Status
from fer_edge.stages import Stage
from fer_edge.web import HttpSettings

_Families = Iterator[Metric]


class Metrics:
    """Answers scrapes.

    Args:
        status: tells how things stand.
        limits: tells from when on something is a problem.
        system: where the kernel shows the board.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        limits: Callable[[], HttpSettings],
        system: Path = Path("/sys"),
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_StatusCollector(status, limits, system))
        # Memory, processor time and open files of this process.
        ProcessCollector(registry=self._registry)

    def answer(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their content type.

        Args:
            accept: the request's header, which may ask for OpenMetrics.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _StatusCollector(Collector):
    def __init__(
        self,
        status: Callable[[], Status],
        limits: Callable[[], HttpSettings],
        system: Path,
    ) -> None:
        self._status, self._limits = status, limits
        self._system = system

    def collect(self) -> _Families:
        status = self._status()
        yield from _about(status)
        yield from _health(status, self._limits())
        yield from _loop(status)
        yield from _stages(status)
        yield from _delivery(status)
        yield from _board(self._system)


def _about(status: Status) -> _Families:
    about = status.about
    yield InfoMetricFamily(
        "fer_edge",
        "The daemon.",
        {
            "version": about.version,
            "node": about.node,
            "camera": about.camera,
            "source": about.source,
            "model": about.model,
            "runtime": about.runtime,
            "detector": about.detector,
        },
    )
    device = GaugeMetricFamily(
        "fer_edge_classifier_device", "1 for the one that answers.", labels=["device"]
    )
    for kind in Device:
        device.add_metric([kind.value], kind is status.classifier.device)
    yield device
    yield _counter(
        "edgetpu_restarts", "Of the Edge TPU's process.", status.classifier.restarts
    )


def _health(status: Status, limits: HttpSettings) -> _Families:
    """Tell what /healthz tells, but for its words."""
    now = read_clocks().seconds
    yield _findings(
        "problem",
        "1 while the part keeps the daemon from its work.",
        problems(status, limits, now),
    )
    yield _findings(
        "note",
        "1 while there is something of the part to be known that is no problem.",
        notes(status, limits, now),
    )


def _loop(status: Status) -> _Families:
    yield _gauge("camera_fps", "Frames a second, a mean.", status.frames_per_second)
    yield _counter(
        "camera_openings",
        "How often the camera was opened: once, and at each try to have it back.",
        status.openings,
    )
    yield _counter("frames", "Frames read.", status.frames)
    yield _counter(
        "skipped_frames",
        "Frames that were too old when the next one was wanted.",
        status.dropped,
    )
    yield _gauge("faces", "Faces in the newest frame.", status.faces)
    yield _gauge(
        "latency_seconds",
        "From the newest frame's being taken until its events were out.",
        status.latency_seconds,
    )
    # Before the first frame there is none: the start is what there is to count from.
    yield _gauge(
        "frame_age_seconds",
        "Since the newest frame came, or the start, by a clock that nobody sets.",
        min(status.frame_age_seconds, status.uptime_seconds),
    )
    yield _gauge(
        "processed_age_seconds",
        "Since the loop was last done with a frame, or the start.",
        min(status.processed_age_seconds, status.uptime_seconds),
    )
    if status.last_frame_at is not None:
        yield _gauge(
            "last_frame_timestamp_seconds",
            "When the newest frame was taken, Unix time.",
            status.last_frame_at.timestamp(),
        )
    yield _gauge("detecting", "1 while frames are looked at.", status.detecting)
    yield _gauge("preview", "1 while pictures may leave the process.", status.preview)
    events = CounterMetricFamily(
        "fer_edge_events", "Episodes begun.", labels=["emotion"]
    )
    # With zeros from the start, so that a rate sees the first one.
    for emotion in (*status.about.labels, UNCERTAIN):
        events.add_metric([emotion], status.events.get(emotion, 0))
    yield events


def _stages(status: Status) -> _Families:
    family = HistogramMetricFamily(
        "fer_edge_inference_seconds",
        "Time for a frame, by stage; classify is the model alone.",
        labels=["stage"],
    )
    for stage in Stage:
        histogram = status.stages.get(stage, Histogram())
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip(BUCKETS, histogram.counts, strict=True):
            total += count
            buckets.append(("+Inf" if math.isinf(bound) else str(bound), total))
        family.add_metric([stage.value], buckets, histogram.seconds)
    yield family


def _delivery(status: Status) -> _Families:
    if (outbox := status.outbox) is not None:
        yield _gauge("outbox_depth", "Events not yet confirmed.", outbox.waiting)
        yield _counter("outbox_dropped", "Events that had to go.", outbox.dropped)
        yield _gauge("outbox_durable", "1 while events go to the disk.", outbox.durable)
    if (broker := status.broker) is not None:
        yield _gauge("broker_connected", "1 while connected.", broker.connected)
        yield _counter(
            "broker_connections", "How often it was connected.", broker.connections
        )
        yield _counter("broker_confirmed", "Events it confirmed.", broker.confirmed)
        yield _counter(
            "broker_refused", "Events it will never take, lost.", broker.refused
        )


def _board(system: Path) -> _Families:
    degrees = GaugeMetricFamily(
        "fer_edge_soc_temperature_celsius", "Of the board.", labels=["zone"]
    )
    for zone, value in read_temperatures(system).items():
        degrees.add_metric([zone], value)
    if degrees.samples:
        yield degrees
    if (throttling := read_throttling(system)) is None:
        return
    for name, meaning, reasons in (
        ("soc_throttled", "1 while the board is slowed down.", throttling.now),
        (
            "soc_throttled_since_start",
            "1 if the board has been slowed down since its start.",
            throttling.since_start,
        ),
    ):
        family = GaugeMetricFamily(f"fer_edge_{name}", meaning, labels=["reason"])
        for reason in REASONS:
            family.add_metric([reason], reason in reasons)
        yield family


def _findings(name: str, meaning: str, found: Iterable[Finding]) -> Metric:
    parts = {finding.part for finding in found}
    family = GaugeMetricFamily(f"fer_edge_{name}", meaning, labels=["part"])
    for part in Part:
        family.add_metric([part.value], part in parts)
    return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fer_edge_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    """``_total`` is added to the name."""
    return CounterMetricFamily(f"fer_edge_{name}", meaning, value=value)
