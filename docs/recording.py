"""Record a command in a terminal as an SVG that plays by itself.

    python docs/recording.py --out RECORDING.svg -- make demo

A browser shows each line when it was printed; pauses are cut to a second. Where nothing
is animated, or the reader wants no motion, the end is shown.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

COLUMNS = 108
ROWS = 26
"""What is seen at a time; the rest has scrolled away."""
LONGEST_PAUSE = 1.0
END_PAUSE = 6.0
"""In seconds, before it begins again."""

_LINE = 19
_CHARACTER = 8.43
"""Pixels: of 14-pixel monospace, with which `textLength` makes every font agree."""
_MARGIN = 14


@dataclass(frozen=True, slots=True)
class Line:
    """What was printed, and when.

    Attributes:
        text: without its end.
        second: since the command began.
    """

    text: str
    second: float


def record(command: Sequence[str], typed: str) -> Iterator[Line]:
    """Run a command, and pass on its output and errors as they come.

    Args:
        command: what runs.
        typed: what a user types for it; shown first.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    begin = time.monotonic()
    yield Line(f"$ {typed}", 0.0)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            yield Line(line.rstrip("\n"), time.monotonic() - begin)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def shorten(lines: Sequence[Line], longest: float = LONGEST_PAUSE) -> list[Line]:
    """Cut the pauses, in seconds, so that nobody waits for a training."""
    shortened, second, before = [], 0.0, 0.0
    for line in lines:
        second += min(line.second - before, longest)
        before = line.second
        shortened.append(Line(line.text, second))
    return shortened


def svg(lines: Sequence[Line]) -> str:
    """Return the recording; lines that are too long end in an ellipsis."""
    total = lines[-1].second + END_PAUSE
    width, height = (
        round(COLUMNS * _CHARACTER) + 2 * _MARGIN,
        ROWS * _LINE + 2 * _MARGIN,
    )
    styles, texts = [], []
    scrolled = []
    for number, line in enumerate(lines):
        share = 100 * line.second / total
        styles.append(
            f"@keyframes l{number}{{0%{{opacity:0}}{share:.2f}%{{opacity:1}}}}"
            f"#l{number}{{animation:l{number} {total:.1f}s step-end infinite}}"
        )
        texts.append(_text(number, line.text))
        above = max(0, number + 1 - ROWS) * _LINE
        scrolled.append(f"{share:.2f}%{{transform:translateY({-above}px)}}")
    end = -max(0, len(lines) - ROWS) * _LINE
    styles.append(
        f"@keyframes scroll{{0%{{transform:none}}{''.join(scrolled)}}}"
        f"#lines{{transform:translateY({end}px);"
        f"animation:scroll {total:.1f}s step-end infinite}}"
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(lines[0].text)}</title>
<style>
text{{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;\
fill:#d6dde6;white-space:pre}}
.command{{fill:#7ee787}}
.step{{fill:#79c0ff}}
@media (prefers-reduced-motion:no-preference){{
{chr(10).join(styles)}
}}
#lines{{transform:translateY({end}px)}}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#10151c"/>
<clipPath id="screen"><rect x="0" y="{_MARGIN}" width="{width}" \
height="{ROWS * _LINE}"/></clipPath>
<g clip-path="url(#screen)"><g id="lines">
{chr(10).join(texts)}
</g></g>
</svg>
"""


def _text(number: int, text: str) -> str:
    shown = text if len(text) <= COLUMNS else text[: COLUMNS - 1] + "…"
    kind = {"$": "command", "=": "step"}.get(shown[:1], "output")
    y = _MARGIN + number * _LINE + 14
    length = f' textLength="{len(shown) * _CHARACTER:.1f}"' if shown else ""
    return (
        f'<text id="l{number}" class="{kind}" x="{_MARGIN}" y="{y}"{length} '
        f'xml:space="preserve">{escape(shown)}</text>'
    )


def main() -> None:
    """Record what stands behind ``--``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the SVG")
    parser.add_argument("--typed", help="what is shown for the command")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    typed = given.typed or " ".join(given.command)
    lines = shorten(list(record(given.command, typed)))
    given.out.write_text(svg(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
