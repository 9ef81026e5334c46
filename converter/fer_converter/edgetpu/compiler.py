"""``edgetpu_compiler``: run it, read its log, believe it only with proof.

It exits with 0 for a partial mapping, and even when nothing was mapped (google-coral,
edgetpu issue 438). So success is: exit 0, a fresh output file, the Edge TPU's operator
in it, and a table without a row that stays on the CPU.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_contract.tflite import EDGETPU_MARK

MAPPED = "Mapped to Edge TPU"
MORE_THAN_ONE_SUBGRAPH = "More than one subgraph is not supported"
NOT_SUPPORTED = "Operation not supported"
VERSION_NOT_SUPPORTED = "Operation version not supported"
UNSUPPORTED_TYPE = "Operation is working on an unsupported data type"
UNSUPPORTED_RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
UNSPECIFIED = (
    "Operation is otherwise supported, but not mapped due to some unspecified "
    "limitation"
)

GRACE_SECONDS = 20.0
"""Beyond its own time-out, until a compiler that hangs is killed."""

_PROGRAM = "edgetpu_compiler"
_VERSION = re.compile(r"^Edge TPU Compiler version (\S+)", re.MULTILINE)
_ROW = re.compile(r"^([A-Za-z][A-Za-z0-9_-]*)\s+(\d+)\s+(\S.*?)\s*$")
_FIGURES = {
    "input_bytes": "Input size",
    "output_bytes": "Output size",
    "on_chip_used_bytes": "On-chip memory used for caching model parameters",
    "on_chip_remaining_bytes": "On-chip memory remaining for caching model parameters",
    "off_chip_bytes": "Off-chip memory used for streaming uncached model parameters",
    "subgraphs": "Number of Edge TPU subgraphs",
    "operations": "Total number of operations",
}
_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
# What tells most stands first.
_TELLING = (
    r"ERROR: .*",
    r"Model not quantized",
    r"Compilation failed due to .*",
    r"Compilation failed: .*",
    r"Internal compiler error.*",
    r"Invalid model: .*",
    r"Model could not be parsed",
    r"Compilation failed!",
)


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """Of the compiler's table: operators of one kind that went alike."""

    operator: str
    count: int
    status: str

    @property
    def maps(self) -> bool:
        """Whether they run on the Edge TPU."""
        return self.status.startswith(MAPPED)


@dataclass(frozen=True, slots=True)
class Compilation:
    """What came of a run of the compiler."""

    succeeded: bool
    reason: str
    """Why not, in one line; empty if it succeeded."""
    version: str = ""
    """Of the compiler, if it said so."""
    table: tuple[Row, ...] = ()
    figures: Mapping[str, int] = field(default_factory=dict)
    """Counts, and sizes in bytes; those that it printed."""
    log: str = ""
    """All that it printed."""
    output: Path | None = None
    """The compiled model, if it succeeded."""

    def facts(self) -> dict[str, Any]:
        """Return everything as JSON, but for where the file lies."""
        return {
            "succeeded": self.succeeded,
            "reason": self.reason,
            "version": self.version,
            "table": [
                {"operator": row.operator, "count": row.count, "status": row.status}
                for row in self.table
            ],
            "figures": dict(self.figures),
        }


def find_compiler() -> Path | None:
    """Return where the compiler is, or None if it is not on PATH."""
    found = shutil.which(_PROGRAM)
    return Path(found) if found else None


def command(model: Path, out: Path, timeout_seconds: int) -> list[str]:
    """Return the command line that compiles one model.

    One, since several on a line are compiled to share the chip.
    """
    return [_PROGRAM, "-s", "-t", str(timeout_seconds), "-o", str(out), str(model)]


def compile_model(
    compiler: Path, model: Path, out: Path, timeout_seconds: int
) -> Compilation:
    """Compile a model.

    Args:
        compiler: the program.
        model: a full-integer ``.tflite`` file.
        out: directory for ``<stem>_edgetpu.tflite``, which is there afterwards only
            if it succeeded.
        timeout_seconds: for the compiler; one that hangs all the same is killed.

    Returns:
        Its word and the proof; never an exception for what the compiler does.
    """
    output = out / f"{model.stem}_edgetpu.tflite"
    log_file = output.with_suffix(".log")
    for old in (output, log_file):
        old.unlink(missing_ok=True)
    try:
        code, log = _run(
            [str(compiler), *command(model, out, timeout_seconds)[1:]],
            timeout_seconds + GRACE_SECONDS,
        )
    except OSError as failure:
        return Compilation(False, f"{compiler}: {failure.strerror or failure}")
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    finally:
        log_file.unlink(missing_ok=True)
    table = parse_table(log)
    version = _VERSION.search(log)
    reason = _why_not(code, log, table, output, timeout_seconds)
    if reason:
        output.unlink(missing_ok=True)
    return Compilation(
        succeeded=not reason,
        reason=reason,
        version=version.group(1) if version else "",
        table=table,
        figures=parse_figures(log),
        log=log,
        output=None if reason else output,
    )


def parse_table(log: str) -> tuple[Row, ...]:
    """Return the rows of a log's table; alike ones in one, sorted."""
    counts: Counter[tuple[str, str]] = Counter()
    inside = False
    for line in log.splitlines():
        if re.match(r"^Operator\s+Count\s+Status", line):
            inside = True
        elif inside and (row := _ROW.match(line)):
            counts[row[1], row[3]] += int(row[2])
        elif inside and line.strip():
            inside = False
    return tuple(
        sorted(Row(name, count, status) for (name, status), count in counts.items())
    )


def parse_figures(log: str) -> dict[str, int]:
    """Return the counts of a log, and its sizes in bytes."""
    figures = {}
    for name, words in _FIGURES.items():
        found = re.search(rf"^{words}: ([\d.]+)\s*([KMG]iB|B|)$", log, re.MULTILINE)
        if found:
            figures[name] = round(float(found[1]) * _UNITS[found[2]])
    return figures


def disagreements(predicted: Iterable[Row], seen: Iterable[Row]) -> list[str]:
    """Hold a prediction against a log: a line for each operator that went otherwise.

    What maps is compared, not why the rest does not: the compiler's words for that
    are few and vague.
    """
    forecast, log = _mapped(predicted), _mapped(seen)
    lines = []
    for name in sorted({*forecast, *log}):
        (mapped, count), (really, total) = (
            forecast.get(name, (0, 0)),
            log.get(name, (0, 0)),
        )
        if (mapped, count) != (really, total):
            lines.append(
                f"{name}: predicted {mapped} of {count} mapped, compiler mapped "
                f"{really} of {total}"
            )
    return lines


def _run(arguments: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Run to the end, or kill it with all it started: exit code or None, and output."""
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # its compilation runs in a child process
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            _kill(process)
            output, _ = process.communicate()
            code = None
        except BaseException:
            _kill(process)
            raise
    return code, output.decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _why_not(
    code: int | None,
    log: str,
    table: tuple[Row, ...],
    output: Path,
    timeout_seconds: int,
) -> str:
    """Say in one line why a compilation is none; empty if it is one."""
    if code is None:
        return (
            f"no end after {timeout_seconds} s and {GRACE_SECONDS:g} s of grace; killed"
        )
    if code != 0:
        said = next(
            (
                found[0]
                for pattern in _TELLING
                if (found := re.search(pattern, log)) is not None
            ),
            "",
        )
        return f"exit {code}: {said.strip()}" if said else f"exit {code}"
    if not output.is_file():
        return "it wrote no model"
    if EDGETPU_MARK not in output.read_bytes():
        return "nothing was mapped: no Edge TPU operator in the compiled model"
    left = [row for row in table if not row.maps]
    if left:
        count = sum(row.count for row in left)
        names = ", ".join(sorted({row.operator for row in left}))
        return f"{count} of {sum(row.count for row in table)} on the CPU: {names}"
    if not table:
        return "its log has no table of operators"
    return ""


def _mapped(rows: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """Count by operator: mapped, and all."""
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        mapped, total = counts.get(row.operator, (0, 0))
        counts[row.operator] = (
            mapped + row.count * row.maps,
            total + row.count,
        )
    return counts
