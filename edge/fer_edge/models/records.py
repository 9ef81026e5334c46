"""What is remembered of models, as JSON."""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_edge.models.durable import write_whole
from fer_edge.models.probation import Record, Run, Stage

_LOGGER = logging.getLogger(__name__)

_SCHEMA = 1


def read_records(path: Path) -> dict[str, Record]:
    """Read all records, a name of a model.

    What cannot be understood is nothing that the daemon may fail of: without its record
    a model is on probation again.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as failure:
        _LOGGER.warning("%s: %s; taken as empty", path, failure.strerror)
        return {}
    except UnicodeDecodeError:
        _LOGGER.warning("%s: not UTF-8; taken as empty", path)
        return {}
    try:
        document = json.loads(text)
        known = document["schema"] == _SCHEMA
        models = document["models"] if known else {}
        return {name: _record(facts) for name, facts in models.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as mistake:
        _LOGGER.warning("%s: damaged (%r); taken as empty", path, mistake)
        return {}


def write_records(path: Path, records: Mapping[str, Record]) -> None:
    """Write all records.

    Raises:
        OSError: they cannot be written; those before are still there.
    """
    models = {name: dataclasses.asdict(record) for name, record in records.items()}
    document = {"schema": _SCHEMA, "models": models}
    write_whole(path, json.dumps(document, indent=2).encode() + b"\n")


def _record(facts: Mapping[str, Any]) -> Record:
    runs = tuple(
        Run(str(run["boot"]), int(run["pid"]), int(run["began"]))
        for run in facts["runs"]
    )
    return Record(
        Stage(facts["stage"]),
        int(facts["failures"]),
        int(facts["reboots"]),
        str(facts["reason"]),
        runs,
    )
