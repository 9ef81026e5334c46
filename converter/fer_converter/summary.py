"""A conversion in ten lines, for the terminal."""

from collections.abc import Callable
from pathlib import Path

from fer_contract.intervals import wilson
from fer_contract.manifest import BundleManifest
from fer_converter.gates import ALL_GATES
from fer_converter.report.facts import Report
from fer_converter.verdicts import Outcome


def print_summary(report: Report, directory: Path, say: Callable[[str], None]) -> None:
    """Say what came of a conversion."""
    parity, sure, edgetpu = report.parity, report.certainty, report.edgetpu
    for part in report.kinds:
        say(
            f"{part.kind:9} {part.size / 1000:7,.0f} KB  accuracy "
            f"{_share(part.right, part.faces)}, agreement "
            f"{part.agree / part.faces:.2%}"
        )
    say(
        f"Keras     accuracy {_share(parity.float_right, parity.faces)}; other answers "
        f"on {len(parity.flips)} faces, McNemar p = {parity.chance:.2f}"
    )
    errors = sure.facts()["calibration_error"]
    say(
        f"scores    calibration error {errors['float']:.1%} float, "
        f"{errors['int8']:.1%} int8, {errors['int8_tempered']:.1%} with temperature "
        f"{sure.temperature:.3f}"
    )
    if report.latency is not None:
        say(f"latency   {report.latency.sentence()}")
    mapped, operators = edgetpu.mapped
    say(f"Edge TPU  {mapped} of {operators} operators predicted to run there")
    for line in edgetpu.disagreements:
        say(f"Edge TPU  prediction and compiler disagree: {line}")
    if edgetpu.hint:
        say(f"Edge TPU  {edgetpu.hint}")
        if report.passed:
            say(f"Edge TPU  by hand: {edgetpu.by_hand}")
    if not report.better_than_a_guess:
        say("warning   float is no better than always naming the most frequent class")
    gates, others = report.verdicts[: len(ALL_GATES)], report.verdicts[len(ALL_GATES) :]
    rules = [part for part in others if part.outcome is Outcome.PASSED]
    for verdict in (*gates, *(part for part in others if part not in rules)):
        say(f"{verdict.outcome:9} {verdict.gate}: {verdict.saw}")
    say(f"passed    {', '.join(verdict.gate for verdict in rules)}")
    if report.passed:
        say(f"bundle: {directory}, with {BundleManifest.REPORT_PAGE}")
    else:
        say(f"report: {directory / BundleManifest.REPORT_PAGE}")


def refusal(model: Path, report: Report) -> str:
    """Say in one line which gates refused, with figure and bound."""
    reasons = [
        f"{verdict.gate} {verdict.saw}"
        + (": too few faces to decide" if verdict.outcome is Outcome.UNDECIDED else "")
        for verdict in report.verdicts
        if not verdict.passed
    ]
    return f"{model}: refused, {'; '.join(reasons)}"


def _share(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes / trials:.2%} ({low:.2%} to {high:.2%})"
