"""``report.json`` for programs and ``report.html`` for people, from the same facts."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_contract.intervals import wilson
from fer_contract.manifest import BundleManifest
from fer_converter.parity import Outcome, Parity, Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows."""

    manifest: BundleManifest
    parity: Parity
    verdicts: tuple[Verdict, ...]
    float_bytes: int
    """Of the float32 weights."""
    int8_bytes: int
    """Of the ``.tflite`` file."""
    int8_digest: str
    """SHA-256 in hexadecimal."""

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(verdict.outcome is Outcome.PASSED for verdict in self.verdicts)

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "passed": self.passed,
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts],
            "bytes": {"float": self.float_bytes, "int8": self.int8_bytes},
            "int8_sha256": self.int8_digest,
            "manifest": dataclasses.asdict(
                dataclasses.replace(self.manifest, files={})
            ),
        }


def write_report(report: Report, directory: Path) -> None:
    """Write ``report.json`` and ``report.html``; the page needs no other file."""
    import jinja2

    text = json.dumps(report.facts(), indent=2, allow_nan=False) + "\n"
    (directory / "report.json").write_text(text, encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_converter"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_interval"] = _with_interval
    page = environment.get_template("report.html").render(report=report)
    (directory / "report.html").write_text(page, encoding="utf-8")


def _with_interval(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes / trials:.1%} ({low:.1%} to {high:.1%})"
