"""The two files of a report."""

import base64
import json
from pathlib import Path

from fer_contract.intervals import wilson
from fer_contract.manifest import BundleManifest
from fer_converter.report.charts import (
    coverage_chart,
    face_picture,
    layer_chart,
    reliability_chart,
)
from fer_converter.report.facts import Report

_PICTURES = 96


def write_report(report: Report, directory: Path, *, pictures: bool) -> None:
    """Write ``report.json`` and ``report.html``; the page needs no other file.

    Args:
        report: what to tell.
        directory: that is there.
        pictures: whether to show the faces whose answer changed, or to name them only.
    """
    import jinja2

    text = json.dumps(report.facts(), indent=2, allow_nan=False) + "\n"
    (directory / BundleManifest.REPORT).write_text(text, encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_converter"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_interval"] = _with_interval
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["kilobytes"] = lambda size: f"{size / 1000:,.0f}"
    environment.globals.update(
        reliability_chart=reliability_chart, layer_chart=layer_chart
    )
    page = environment.get_template(BundleManifest.REPORT_PAGE).render(
        report=report,
        coverage=_coverage(report),
        flips=[
            (flip, name, _inline(face_picture(face)) if pictures else None)
            for flip, name, face in zip(
                report.parity.flips[:_PICTURES],
                report.names,
                report.faces,
                strict=False,
            )
        ],
    )
    path = directory / BundleManifest.REPORT_PAGE
    path.write_text(page, encoding="utf-8", errors="replace")


def _coverage(report: Report) -> str:
    """Draw the curve, with the share told at the manifest's threshold marked."""
    curve = [part for part in report.certainty.curve if part.told]
    chosen = report.certainty.chosen
    points = [(part.coverage, part.accuracy) for part in curve]
    title = f"at {chosen.threshold:g}: {chosen.coverage:.0%} told"
    if chosen.told:
        title += f", {chosen.accuracy:.0%} of it right"
    return coverage_chart(points, chosen.coverage, title)


def _inline(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _with_interval(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes / trials:.1%} ({low:.1%} to {high:.1%})"
