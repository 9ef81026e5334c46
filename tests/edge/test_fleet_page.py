"""docs/fleet.md: what it names is what the daemon has and says."""

import ast
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fer_edge.health import Part
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.web import HttpSettings
from fer_edge.web.metrics import Metrics
from web_served import make_status


@pytest.fixture
def page(repository: Path) -> str:
    """What it says."""
    return (repository / "docs/fleet.md").read_text(encoding="utf-8")


def _metrics(system: Path) -> dict[str, set[str]]:
    """Return the labels of every metric of a daemon that has all there is."""
    told = system / "devices/platform/soc/soc:firmware/get_throttled"
    told.parent.mkdir(parents=True)
    told.write_text("0")
    status = make_status(
        outbox=OutboxState(0, 0, durable=True), broker=BrokerState(True, 0.0)
    )
    limits = HttpSettings(
        stale_frame_seconds=30.0, stale_inference_seconds=30.0, broker_seconds=300.0
    )
    body, _ = Metrics(lambda: status, lambda: limits, system).answer("")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_metrics(page: str, tmp_path: Path) -> None:
    """Each is there, with the labels that rules ask for."""
    there = _metrics(tmp_path)
    named = re.findall(r"\b(fer_edge_\w+|process_\w+)(?:\{(\w+)!?=)?", page)
    assert len(named) > 10
    for name, label in named:
        assert name in there, name
        assert label in ("", "job", *there[name]), (name, label)
    for names in re.findall(r"by \(([\w, ]+)\)", page):
        every = set().union(*there.values()) | {"instance"}
        assert set(names.split(", ")) <= every


def test_parts(page: str) -> None:
    """All are listed, and rules ask for no other."""
    (listed,) = re.findall(r"have a `part`: ([\w,\s]+);", page)
    assert re.split(r",\s+", listed) == list(Part)
    assert set(re.findall(r'part!?="(\w+)"', page)) <= set(Part)


def _texts(folder: Path) -> list[str]:
    """Return every text that stands in the source."""
    return [
        node.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_lines_of_the_log(page: str, repository: Path) -> None:
    """Each is said somewhere."""
    texts = _texts(repository / "edge/fer_edge")
    _, _, table = page.partition("| the log says |")
    lines = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert len(lines) > 10
    for words in re.findall(r"`([^`]+)`", "\n".join(lines)):
        assert any(words in text for text in texts), words
