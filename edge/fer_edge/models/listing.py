"""What is installed, as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fer_contract.errors import FerError
from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.models import RELEASED
from fer_edge.models.probation import Record, Stage
from fer_edge.models.store import RELEASED_NAME, Store, manifest_digest


@dataclass(frozen=True, slots=True)
class Row:
    """A model, as far as it can be told."""

    name: str
    digest: str
    """Of its manifest; empty where that is damaged."""
    labels: tuple[str, ...]
    accuracy: float | None
    """On the validation faces, where it was converted; None if it does not say."""
    installed_at: datetime | None
    """None of the released one. By a clock that may have been wrong."""
    marks: tuple[str, ...]
    """active, previous, how far it has come, and what is wrong with it."""


def rows(store: Store) -> list[Row]:
    """Return every model, the newest first and the released one last."""
    active, previous = store.active, store.previous
    records = store.records()
    found = []
    for name in store.names():
        record = records.get(name, Record())
        failed = record.stage is Stage.FAILED
        stage = f"failed: {record.reason}" if failed else str(record.stage)
        roles = _roles(name, active, previous)
        # Installed and nothing else is what being in the list says.
        marks = roles if record.stage is Stage.INSTALLED else (*roles, stage)
        found.append(_row(name, store.path(name), marks))
    roles = _roles(None, active, previous) if found else ("active",)
    return [*found, _row(RELEASED_NAME, RELEASED, roles)]


def as_table(models: Sequence[Row]) -> list[str]:
    """Return the lines of a table for people."""
    cells = [("NAME", "DIGEST", "LABELS", "ACCURACY", "INSTALLED", "STATE")]
    for row in models:
        accuracy = "-" if row.accuracy is None else f"{row.accuracy:.1%}"
        at = f"{row.installed_at:%Y-%m-%d %H:%M}" if row.installed_at else "-"
        marks = ", ".join(row.marks) or "-"
        labels = ",".join(row.labels) or "-"
        cells.append((row.name, row.digest[:12] or "-", labels, accuracy, at, marks))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]


def as_json(models: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Return what a program reads."""
    return [
        {
            "name": row.name,
            "digest": row.digest,
            "labels": list(row.labels),
            "accuracy": row.accuracy,
            "installed_at": row.installed_at and row.installed_at.isoformat(),
            "state": list(row.marks),
        }
        for row in models
    ]


def _roles(
    name: str | None, active: str | None, previous: str | None
) -> tuple[str, ...]:
    if name == active:
        return ("active",)
    return ("previous",) if name == previous else ()


def _row(name: str, bundle: Path, marks: tuple[str, ...]) -> Row:
    at = None
    if name != RELEASED_NAME:
        at = datetime.fromtimestamp(bundle.stat().st_mtime, UTC)
    try:
        manifest = read_manifest(bundle, BundleManifest)
    except FerError as damage:
        reason = str(damage).replace(f"{bundle}/", "")
        return Row(name, "", (), None, at, (*marks, f"damaged: {reason}"))
    digest = manifest_digest(bundle)
    return Row(name, digest, manifest.labels, _accuracy(manifest), at, marks)


def _accuracy(manifest: BundleManifest) -> float | None:
    """Read a figure that no decision depends on, and that may not be there."""
    figure = manifest.parity.get("int8_accuracy")
    value = figure.get("value") if isinstance(figure, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None
