"""Whether the daemon does its work: problems, and what is merely worth a note."""

from dataclasses import dataclass

from fer_edge.classifiers import Device
from fer_edge.monitor import Status
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.web import HttpSettings


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be told of one part."""

    part: str
    text: str


def problems(status: Status, limits: HttpSettings, now: float) -> list[Finding]:
    """Return what keeps the daemon from its work, empty if nothing does.

    Args:
        status: how things stand.
        limits: how much patience there is.
        now: seconds of ``time.monotonic``.
    """
    found = []
    # Before the first frame its age is infinite: the start is what there is to count
    # from, and a start may take its time.
    unseen = min(status.frame_age_seconds, status.uptime_seconds)
    if unseen > limits.stale_frame_seconds:
        allowed = limits.stale_frame_seconds
        found.append(Finding("camera", _overdue("no frame", unseen, allowed)))
    unprocessed = min(status.processed_age_seconds, status.uptime_seconds)
    if status.detecting and unprocessed > limits.stale_inference_seconds:
        allowed = limits.stale_inference_seconds
        text = _overdue("no frame was looked at", unprocessed, allowed)
        found.append(Finding("inference", text))
    outbox = status.outbox
    # One that is not meant to be durable gives no reason.
    if outbox is not None and not outbox.durable and outbox.reason:
        text = f"events are kept in memory, not on the disk: {outbox.reason}"
        found.append(Finding("outbox", text))
    broker = status.broker
    if broker is not None and not broker.connected:
        away = now - broker.since
        if away > limits.broker_seconds:
            text = _overdue("not connected", away, limits.broker_seconds)
            found.append(Finding("broker", text + _because(broker)))
    return found


def notes(status: Status, limits: HttpSettings, now: float) -> list[Finding]:
    """Return what a person should know, though the daemon does its work.

    Args:
        status: how things stand.
        limits: beyond which it is a problem, and no note.
        now: seconds of ``time.monotonic``.
    """
    found = []
    classifier = status.classifier
    if classifier.device is Device.CPU and classifier.reason:
        text = f"the processor stands in for the Edge TPU: {classifier.reason}"
        found.append(Finding("classifier", text))
    if status.model is not None and status.model.note:
        found.append(Finding("model", status.model.note))
    if not status.detecting:
        found.append(Finding("detection", "switched off; no frame is looked at"))
    if status.outbox is not None and status.outbox.dropped:
        text = f"{status.outbox.dropped:,} events had to be dropped since the start"
        found.append(Finding("outbox", text))
    broker = status.broker
    if broker is not None and not broker.connected:
        away = now - broker.since
        if away <= limits.broker_seconds:
            found.append(Finding("broker", f"not connected{_because(broker)}"))
    return found


def _because(broker: BrokerState) -> str:
    return f": {broker.reason}" if broker.reason else ""


def _overdue(what: str, seconds: float, allowed: float) -> str:
    return f"{what} for {seconds:.0f} s; allowed is {allowed:g} s"
