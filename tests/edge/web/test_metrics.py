"""Metrics, as Prometheus reads them, and what the board tells."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from fer_edge.board import Throttling, read_temperatures, read_throttling
from fer_edge.classifiers import ClassifierState, Device
from fer_edge.monitor import BUCKETS, Histogram, Status
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.stages import Stage
from fer_edge.web import HttpSettings
from fer_edge.web.metrics import Metrics
from web_served import make_status

_LIMITS = HttpSettings(
    stale_frame_seconds=30.0, stale_inference_seconds=30.0, broker_seconds=300.0
)


def _values(status: Status, system: Path) -> dict[str, float]:
    """Return every sample, named as one would ask for it."""
    body, _ = Metrics(lambda: status, lambda: _LIMITS, system).answer("")
    return _samples(list(text_string_to_metric_families(body.decode())))


def _samples(families: list[Metric]) -> dict[str, float]:
    found = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A Raspberry Pi's /sys: two sensors, one of which is asleep, and throttling."""
    for number, (kind, text) in enumerate([("cpu-thermal", "54321\n"), ("pmic", "\n")]):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(f"{kind}\n")
        (zone / "temp").write_text(text)
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("50005\n")
    return tmp_path


def test_names_of_the_field(tmp_path: Path) -> None:
    """The names that other daemons' users know, each with its value."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    status = make_status(
        last_frame_at=at,
        outbox=OutboxState(waiting=7, dropped=2, durable=False, reason="full"),
        broker=BrokerState(True, 0.0, confirmed=5, refused=1, connections=3),
        openings=2,
    )
    values = _values(status, tmp_path)
    for name, value in {
        "fer_edge_camera_fps": 29.9,
        "fer_edge_frames_total": 1000,
        "fer_edge_skipped_frames_total": 3,
        "fer_edge_faces": 1,
        "fer_edge_latency_seconds": 0.02,
        "fer_edge_last_frame_timestamp_seconds": at.timestamp(),
        "fer_edge_detecting": 1,
        "fer_edge_preview": 0,
        "fer_edge_events_total{emotion=happy}": 2,
        "fer_edge_outbox_depth": 7,
        "fer_edge_outbox_dropped_total": 2,
        "fer_edge_outbox_durable": 0,
        "fer_edge_broker_connected": 1,
        "fer_edge_broker_confirmed_total": 5,
        "fer_edge_broker_connections_total": 3,
        "fer_edge_broker_refused_total": 1,
        "fer_edge_camera_openings_total": 2,
        "fer_edge_frame_age_seconds": 0.01,
        "fer_edge_processed_age_seconds": 0.03,
        "fer_edge_classifier_device{device=cpu}": 1,
        "fer_edge_classifier_device{device=edgetpu}": 0,
        "fer_edge_edgetpu_restarts_total": 0,
    }.items():
        assert values[name] == value, name
    assert values["process_resident_memory_bytes"] > 0


def test_health(tmp_path: Path) -> None:
    """What /healthz complains of is a 1; a part that is well is a 0."""
    status = make_status(frame_age_seconds=31.0, detecting=False)
    values = _values(status, tmp_path)
    found = {name for name, value in values.items() if value and "{part=" in name}
    assert found == {"fer_edge_problem{part=camera}", "fer_edge_note{part=detection}"}
    assert values["fer_edge_problem{part=broker}"] == 0


def test_which_device(tmp_path: Path) -> None:
    """Its name in topics stands beside what runs on it."""
    name = next(n for n in _values(make_status(), tmp_path) if "_info" in n)
    for label in ("node=pi", "version=1.2.3", "model=compact", "camera=döör"):
        assert label in name


def test_events_before_the_first(tmp_path: Path) -> None:
    """Every emotion is there with a zero, so that a rate sees its first event."""
    values = _values(make_status(events={}), tmp_path)
    for label in ("happy", "sad", "surprise", "neutral", "uncertain"):
        assert values[f"fer_edge_events_total{{emotion={label}}}"] == 0


def test_histogram(tmp_path: Path) -> None:
    """Buckets are cumulated, as Prometheus wants them; each stage has all of them."""
    counts = tuple(range(len(BUCKETS)))
    status = make_status(stages={Stage.DETECT: Histogram(counts, 12.5)})
    values = _values(status, tmp_path)
    name = "fer_edge_inference_seconds"
    total = 0
    for bound, count in zip(BUCKETS, counts, strict=True):
        total += count
        text = "+Inf" if bound == float("inf") else str(bound)
        assert values[f"{name}_bucket{{le={text},stage=detect}}"] == total
    assert values[f"{name}_count{{stage=detect}}"] == total
    assert values[f"{name}_sum{{stage=detect}}"] == 12.5
    assert values[f"{name}_count{{stage=classify}}"] == 0


def test_without_broker_and_before_a_frame(tmp_path: Path) -> None:
    """What is not there is left out, not zero."""
    ages = dict.fromkeys(("frame_age_seconds", "processed_age_seconds"), math.inf)
    values = _values(make_status(last_frame_at=None, **ages), tmp_path)
    # Nothing that an alert takes for an age of hours.
    assert values["fer_edge_frame_age_seconds"] == 100.0
    absent = ("outbox", "broker", "last_frame", "soc")
    assert not [name for name in values if name.startswith(_prefixed(absent))]


def _prefixed(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"fer_edge_{name}" for name in names)


def test_edge_tpu(tmp_path: Path) -> None:
    """The device that answers is the one with a 1."""
    state = replace(ClassifierState(Device.EDGETPU, 0.0), restarts=4)
    values = _values(make_status(classifier=state), tmp_path)
    assert values["fer_edge_classifier_device{device=edgetpu}"] == 1
    assert values["fer_edge_classifier_device{device=cpu}"] == 0
    assert values["fer_edge_edgetpu_restarts_total"] == 4


def test_openmetrics(system: Path) -> None:
    """Asked for OpenMetrics, its strict parser reads the same."""
    status = make_status()
    metrics = Metrics(lambda: status, lambda: _LIMITS, system)
    body, kind = metrics.answer("application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    parse: Callable[[str], Iterable[Metric]] = (
        openmetrics.text_string_to_metric_families
    )
    families = parse(body.decode())
    samples = _samples(list(families))
    assert samples["fer_edge_frames_total"] == 1000
    plain = {
        name: value
        for name, value in _values(status, system).items()
        if name.startswith("fer_edge")
    }
    assert plain.items() <= samples.items()


def test_board(system: Path) -> None:
    """Temperature, and why it is slow, now and since its start."""
    assert read_temperatures(system) == {"cpu-thermal": 54.321}
    both = frozenset({"under_voltage", "throttled"})
    assert read_throttling(system) == Throttling(both, both)
    values = _values(make_status(), system)
    assert values["fer_edge_soc_temperature_celsius{zone=cpu-thermal}"] == 54.321
    assert values["fer_edge_soc_throttled{reason=under_voltage}"] == 1
    assert values["fer_edge_soc_throttled{reason=soft_limit}"] == 0
    assert values["fer_edge_soc_throttled_since_start{reason=throttled}"] == 1


def test_throttling_of_the_past(system: Path) -> None:
    """The upper bits are of ever since the start; the Pi 5 has another path."""
    (system / "devices/platform/soc").rename(system / "devices/platform/soc@107c000000")
    path = next(system.glob("devices/platform/soc*/*"))
    (path / "get_throttled").write_text("80002")
    assert read_throttling(system) == Throttling(
        frozenset({"frequency_capped"}), frozenset({"soft_limit"})
    )


@pytest.mark.parametrize("text", ["", "many", "0x"])
def test_board_that_talks_nonsense(system: Path, text: str) -> None:
    """It is passed over."""
    for path in system.glob("**/temp"):
        path.write_text(text)
    next(system.glob("**/get_throttled")).write_text(text)
    assert read_temperatures(system) == {}
    assert read_throttling(system) is None


def test_this_machine() -> None:
    """Whatever it tells is a temperature, or nothing."""
    for degrees in read_temperatures().values():
        assert -50.0 < degrees < 150.0
